#include "settings.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace rig {
namespace {

std::string trimmed(const std::string &text) {
  auto first = text.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string> split(const std::string &text, char at) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(trimmed(part));
  return parts;
}

bool number(const std::string &text, double *value) {
  char *end = nullptr;
  *value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0';
}

const std::pair<const char *, Number Settings::*> FIELDS[] = {
    {"cameras", &Settings::cameras},
    {"width", &Settings::width},
    {"height", &Settings::height},
    {"realtime", &Settings::realtime},
    {"stamp", &Settings::stamp},
    {"light", &Settings::light},
    {"frame_id_bits", &Settings::frame_id_bits},
    {"first_frame_id", &Settings::first_frame_id},
    {"keep_frame_id", &Settings::keep_frame_id},
    {"tick_hz", &Settings::tick_hz},
    {"ptp", &Settings::ptp},
    {"ptp_jitter_ns", &Settings::ptp_jitter_ns},
    {"ptp_lock_ms", &Settings::ptp_lock_ms},
    {"old_names", &Settings::old_names},
    {"readout_us", &Settings::readout_us},
    {"link_mb_s", &Settings::link_mb_s},
    {"shared_link", &Settings::shared_link},
    {"pulses_hz", &Settings::pulses_hz},
};

}  // namespace

Number *Settings::find(const std::string &name) {
  for (auto &field : FIELDS)
    if (name == field.first) return &(this->*field.second);
  return nullptr;
}

std::string Settings::known_names() {
  std::string names;
  for (auto &field : FIELDS) names += (names.empty() ? "" : " ") + std::string(field.first);
  return names;
}

std::string Settings::read_line(const std::string &name, const std::string &value) {
  double parsed = 0;
  if (Number *field = find(name)) {
    if (!number(value, &parsed)) return name + " expects a number, got '" + value + "'";
    *field = parsed;
  } else if (name == "transport") {
    transport = value;
  } else if (name == "frames") {
    frames = value;
  } else if (name == "serials") {
    serials = split(value, ',');
  } else if (name == "fault") {
    auto parts = split(value, ',');
    double numbers[4] = {0, 0, 1, 0};
    bool good = parts.size() >= 3 && parts.size() <= 5 && number(parts[0], &numbers[0]);
    for (size_t i = 2; good && i < parts.size(); i++) good = number(parts[i], &numbers[i - 1]);
    if (!good) return "fault expects CAMERA, KIND, FIRST_PULSE[, COUNT[, ARGUMENT]], got '" + value + "'";
    fault_lines.push_back({int(numbers[0]), parts[1], uint64_t(numbers[1]), uint64_t(numbers[2]), int64_t(numbers[3])});
  } else if (name.rfind("camera.", 0) == 0) {
    auto parts = split(name, '.');
    double camera = 0;
    if (parts.size() != 3 || !number(parts[1], &camera) || !number(value, &parsed))
      return "expected camera.INDEX.NAME = NUMBER, got '" + name + " = " + value + "'";
    camera_lines.push_back({int(camera), parts[2], parsed});
  } else {
    return "no setting '" + name + "' (known: " + known_names() + " transport frames serials fault camera.N.*)";
  }
  return "";
}

std::string Settings::read_file(const std::string &path) {
  std::ifstream file(path);
  if (!file) return path + ": cannot be read";
  int line_number = 0;
  for (std::string line; std::getline(file, line);) {
    line_number++;
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    auto equals = line.find('=');
    std::string problem = equals == std::string::npos
                              ? "expected NAME = VALUE, got '" + line + "'"
                              : read_line(trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
    if (!problem.empty()) return path + ":" + std::to_string(line_number) + ": " + problem;
  }
  return "";
}

}  // namespace rig
