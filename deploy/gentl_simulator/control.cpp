// Control of the rig from the process that loaded it; no part of GenTL. All functions answer 0 or more when
// they did what was asked, -1 otherwise, and rig_error() then says why.
#include <cmath>
#include <cstring>

#include "rig.hpp"

#define CONTROL extern "C" __attribute__((visibility("default")))

using namespace rig;

namespace {

thread_local std::string error_text;

int refuse(const std::string &text) {
  error_text = text;
  return -1;
}

Camera *find(int index) {
  Rig &rig = Rig::instance();
  if (Camera *camera = rig.camera(index)) return camera;
  refuse("no camera " + std::to_string(index) + ": there are " + std::to_string(rig.cameras.size()));
  return nullptr;
}

}  // namespace

CONTROL const char *rig_error() { return error_text.c_str(); }

// The number of cameras, after reading the configuration.
CONTROL int rig_load() {
  Rig &rig = Rig::instance();
  return rig.problem.empty() ? int(rig.cameras.size()) : refuse(rig.problem);
}

CONTROL const char *rig_serial(int camera) {
  Camera *found = find(camera);
  return found ? found->serial.c_str() : nullptr;
}

CONTROL int64_t rig_now() { return Rig::instance().clock.now(); }

// One trigger edge at a rig time (negative: now) for the cameras in the mask; answers the pulse's number.
CONTROL int64_t rig_pulse(int64_t rig_ns, uint64_t mask) {
  int64_t pulse = Rig::instance().pulse(rig_ns, mask);
  return pulse >= 0 ? pulse : refuse("rig time cannot go back to " + std::to_string(rig_ns));
}

CONTROL int rig_advance(int64_t rig_ns) {
  if (Rig::instance().advance(rig_ns)) return 0;
  return refuse("rig time moves forwards only, and by itself while realtime is 1");
}

CONTROL int rig_pulses(double hz, uint64_t count) {
  if (!(hz >= 0) || hz > 1e6) return refuse("expected 0 to 1e6 pulses per second");
  Rig::instance().pulses(hz, count);
  return 0;
}

// All cameras well, no faults, no pulses, counters and pulse numbers from 0; a standing clock to `rig_ns`.
CONTROL int rig_reset(int64_t rig_ns) {
  Rig::instance().reset(rig_ns);
  return 0;
}

CONTROL int rig_set(const char *name, double value) {
  Rig &rig = Rig::instance();
  Number *number = rig.settings.find(name);
  if (!number) return refuse("no setting '" + std::string(name) + "' (known: " + rig.settings.known_names() + ")");
  for (const char *fixed : {"cameras", "width", "height", "ptp", "old_names", "pulses_hz"})
    if (std::strcmp(name, fixed) == 0) return refuse(std::string(name) + " is read from the file only");
  if (!std::isfinite(value)) return refuse(std::string(name) + " expects a finite number");
  if (std::strcmp(name, "realtime") == 0)
    rig.set_realtime(value != 0);
  else
    *number = value;
  return 0;
}

CONTROL int rig_fault(int camera, int kind, uint64_t first, uint64_t count, int64_t argument) {
  Camera *found = find(camera);
  if (!found) return -1;
  if (kind < MISSED_TRIGGER || kind > DARK) return refuse("no fault of kind " + std::to_string(kind));
  std::lock_guard<std::mutex> lock(found->mutex);
  found->faults.add({FaultKind(kind), first, count, argument});
  return 0;
}

// What the camera's own clock reads now, its rate error and its noise. Without effect while PTP has locked it.
CONTROL int rig_clock(int camera, int64_t reads_ns, double drift_ppm, int64_t jitter_ns) {
  Camera *found = find(camera);
  if (!found) return -1;
  std::lock_guard<std::mutex> lock(found->mutex);
  int64_t now = Rig::instance().clock.now();
  found->clock.set(now, reads_ns);
  found->clock.set_drift(now, drift_ppm);
  found->clock.set_jitter(jitter_ns);
  return 0;
}

CONTROL int rig_connect(int camera, int connected, int power_lost) {
  Camera *found = find(camera);
  if (!found) return -1;
  if (connected)
    found->plug_in();
  else
    found->unplug(power_lost != 0);
  return 0;
}

CONTROL int rig_temperature(int camera, double celsius) {
  Camera *found = find(camera);
  if (!found) return -1;
  std::lock_guard<std::mutex> lock(found->mutex);
  found->registers.set<double>(reg::TEMPERATURE, celsius);
  return 0;
}

// Serve frames from a raw file or a ring; an empty path goes back to the ramp.
CONTROL int rig_source(int camera, const char *path, uint32_t bytes_per_sample) {
  Camera *found = find(camera);
  if (!found) return -1;
  Settings &settings = Rig::instance().settings;
  std::shared_ptr<const FrameSource> source;
  std::string problem;
  if (*path != '\0') {
    source = FrameSource::open(path, uint32_t(settings.width), uint32_t(settings.height), bytes_per_sample, &problem);
    if (!source) return refuse(problem);
  }
  std::lock_guard<std::mutex> lock(found->mutex);
  found->source = source;
  return 0;
}

// Copies as many counters as there is room for; answers how many there are.
CONTROL int rig_counters(int camera, uint64_t *values, int room) {
  Camera *found = find(camera);
  if (!found) return -1;
  std::lock_guard<std::mutex> lock(found->mutex);
  for (int i = 0; i < room && i < COUNTERS; i++) values[i] = found->counters[size_t(i)];
  return COUNTERS;
}
