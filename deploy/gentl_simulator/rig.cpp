#include "rig.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "node_map.hpp"

namespace rig {
namespace {

constexpr const char *CONFIGURATION = "MVMONO3D_RIG";
constexpr int MOST_CAMERAS = 64;
constexpr uint64_t ALL = ~0ULL;

std::string serial_of(const Settings &settings, int index) {
  if (size_t(index) < settings.serials.size()) return settings.serials[size_t(index)];
  char text[32];
  std::snprintf(text, sizeof text, "SIM%04d", index + 1);
  return text;
}

}  // namespace

Rig &Rig::instance() {
  static Rig &rig = *new Rig();
  return rig;
}

Rig::Rig() {
  const char *path = std::getenv(CONFIGURATION);
  if (path != nullptr && *path != '\0') problem = settings.read_file(path);
  bool shape = settings.cameras >= 1 && settings.cameras <= MOST_CAMERAS && settings.width >= WIDTH_LEAST &&
               settings.width <= 65536 && settings.height >= HEIGHT_LEAST && settings.height <= 65536 &&
               int(settings.width) % WIDTH_STEP == 0 && int(settings.height) % HEIGHT_STEP == 0;
  if (!shape && problem.empty())
    problem = "expected 1 to 64 cameras of at least 48x2 pixels, the width a multiple of 16, the height of 2";
  if (!problem.empty()) {
    std::fprintf(stderr, "gentl_simulator: %s\n", problem.c_str());
    return;
  }
  if (settings.realtime == 0) clock.stand_at(clock.now());
  create_cameras();
  apply_lines();
}

void Rig::create_cameras() {
  for (int index = 0; index < int(settings.cameras); index++) {
    cameras.push_back(std::make_unique<Camera>(index, serial_of(settings, index), settings, clock));
    Camera &camera = *cameras.back();
    if (settings.frames.empty() || !problem.empty()) continue;
    std::string missing, stem = settings.frames + "/" + camera.serial;
    auto width = uint32_t(settings.width), height = uint32_t(settings.height);
    camera.source = FrameSource::open(stem + ".ring", width, height, 1, &missing);
    if (!camera.source) camera.source = FrameSource::open(stem + ".raw", width, height, 1, &problem);
  }
  camera_xml = camera_description(settings);
  system_xml = module_description("MVMono3DSystem", "TLID");
  interface_xml = module_description("MVMono3DInterface", "InterfaceID");
  device_xml = module_description("MVMono3DDevice", "DeviceID");
  stream_xml = module_description("MVMono3DStream", "StreamID");
}

void Rig::apply_lines() {
  int64_t now = clock.now();
  for (auto &line : settings.camera_lines) {
    Camera *target = camera(line.camera);
    if (!target) {
      problem = "camera." + std::to_string(line.camera) + ": no such camera";
    } else if (line.name == "offset_ns") {
      target->clock.jump(now, int64_t(line.value));
    } else if (line.name == "drift_ppm") {
      target->clock.set_drift(now, line.value);
    } else if (line.name == "jitter_ns") {
      target->clock.set_jitter(int64_t(line.value));
    } else if (line.name == "temperature") {
      target->registers.set<double>(reg::TEMPERATURE, line.value);
    } else {
      problem = "camera." + line.name + ": expected offset_ns, drift_ppm, jitter_ns or temperature";
    }
  }
  for (auto &line : settings.fault_lines) {
    auto kind = FaultKind(fault_kind(line.kind));
    Camera *target = camera(line.camera);
    if (!kind || !target)
      problem = "fault: no camera " + std::to_string(line.camera) + " or no kind '" + line.kind +
                "' (known: " + fault_names() + ")";
    else
      target->faults.add({kind, line.first, line.count, line.argument});
  }
  if (!problem.empty()) std::fprintf(stderr, "gentl_simulator: %s\n", problem.c_str());
}

Camera *Rig::camera(int index) const {
  return index >= 0 && size_t(index) < cameras.size() ? cameras[size_t(index)].get() : nullptr;
}

Camera *Rig::by_id(const std::string &id) const {
  for (auto &camera : cameras)
    if (camera->id == id || camera->serial == id) return camera.get();
  return nullptr;
}

void Rig::open_library() {
  initialized = true;
  scheduler_.start();
  if (settings.pulses_hz > 0) pulses(settings.pulses_hz, 0);
}

void Rig::close_library() {
  scheduler_.stop();
  initialized = system_open = interface_open = false;
  listed.clear();
  for (auto &camera : cameras) {
    std::lock_guard<std::mutex> lock(camera->mutex);
    camera->close();
    camera->stream.open = camera->stream.grabbing = camera->stream.registered = false;
    camera->stream.forget_buffers();
  }
}

int64_t Rig::pulse(int64_t rig_ns, uint64_t mask) {
  std::lock_guard<std::mutex> step(step_);
  int64_t at = rig_ns < 0 ? clock.now() : rig_ns;
  if (!clock.follows_machine()) {
    if (at < clock.now()) return -1;
    scheduler_.run_until(at);
  }
  uint64_t pulse = next_pulse_++;
  edge(at, pulse, mask);
  return int64_t(pulse);
}

void Rig::edge(int64_t rig_ns, uint64_t pulse, uint64_t mask) {
  for (auto &camera : cameras)
    if (mask >> camera->index & 1) send(*camera, rig_ns, camera->trigger(pulse, rig_ns, Edge::LINE0));
}

int64_t Rig::link_time(const Frame &frame, int64_t leaves_ns) {
  if (settings.link_mb_s <= 0) return leaves_ns;
  auto travels = llround(double(image_bytes(frame)) * 1e3 / settings.link_mb_s);
  if (settings.shared_link == 0) return leaves_ns + travels;
  link_free_ns_ = std::max(link_free_ns_, leaves_ns) + travels;
  return link_free_ns_;
}

void Rig::send(Camera &camera, int64_t rig_ns, const std::vector<Delivery> &deliveries) {
  for (auto &delivery : deliveries) {
    bool at_once = !clock.follows_machine() && delivery.late_ns == 0;
    if (at_once) {
      camera.deliver(delivery.frame);
      continue;
    }
    // Under a standing clock a frame arrives with its pulse, a late one that much after it.
    int64_t due = clock.follows_machine() ? link_time(delivery.frame, rig_ns + delivery.travel_ns) : rig_ns;
    scheduler_.push(due + delivery.late_ns, [&camera, frame = delivery.frame] { camera.deliver(frame); });
  }
}

bool Rig::advance(int64_t rig_ns) {
  std::lock_guard<std::mutex> step(step_);
  if (clock.follows_machine() || rig_ns < clock.now()) return false;
  scheduler_.run_until(rig_ns);
  return true;
}

void Rig::pulses(double hz, uint64_t count) {
  std::lock_guard<std::mutex> step(step_);
  hz_ = hz;
  left_ = count ? count : ALL;
  uint64_t generation = ++generation_;
  if (hz <= 0) return;
  int64_t due = clock.now() + llround(1e9 / hz);
  scheduler_.push(due, [this, due, generation] { tick(due, generation); });
}

void Rig::tick(int64_t due_ns, uint64_t generation) {
  if (generation != generation_) return;
  edge(due_ns, next_pulse_++, ALL);
  if (--left_ == 0) return;
  int64_t next = due_ns + llround(1e9 / hz_);
  scheduler_.push(next, [this, next, generation] { tick(next, generation); });
}

void Rig::reset(int64_t rig_ns) {
  std::lock_guard<std::mutex> step(step_);
  scheduler_.clear();
  generation_++;
  next_pulse_ = 0;
  link_free_ns_ = 0;
  if (!clock.follows_machine() && rig_ns >= 0) clock.stand_at(rig_ns);
  for (auto &camera : cameras) camera->reset(clock.now());
}

void Rig::set_realtime(bool realtime) {
  std::lock_guard<std::mutex> step(step_);
  settings.realtime = realtime;
  if (realtime == clock.follows_machine()) return;
  if (realtime)
    clock.follow_machine();
  else
    clock.stand_at(clock.now());
  scheduler_.clock_changed();
}

void Rig::software_trigger(Camera &camera) {
  std::lock_guard<std::mutex> step(step_);
  int64_t now = clock.now();
  send(camera, now, camera.trigger(next_pulse_++, now, Edge::SOFTWARE));
}

void Rig::free_run(Camera &camera, uint64_t run) {
  int64_t due = clock.now();
  scheduler_.push(due, [this, &camera, run, due] { run_freely(camera, run, due); });
}

void Rig::run_freely(Camera &camera, uint64_t run, int64_t due_ns) {
  uint64_t edges = 0;
  int64_t period = camera.free_run_period_ns(run, &edges);
  if (period == 0) return;
  send(camera, due_ns, camera.trigger(edges, due_ns, Edge::FREE_RUN));
  int64_t next = due_ns + period;
  scheduler_.push(next, [this, &camera, run, next] { run_freely(camera, run, next); });
}

}  // namespace rig
