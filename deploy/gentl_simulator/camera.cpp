// The camera as a set of registers: start-up, reads, writes, commands, loss and return.
#include "camera.hpp"

#include "settings.hpp"

namespace rig {
namespace {

constexpr int64_t SECOND = 1000000000;

bool within(uint64_t address, uint64_t first, uint64_t last) { return address >= first && address < last; }

// Fixed while images stream: everything that the size of a frame depends on.
bool shapes_frames(uint64_t address) {
  return within(address, reg::WIDTH, reg::PAYLOAD_SIZE) || address == reg::CHUNK_MODE ||
         within(address, reg::CHUNK_ENABLE, reg::CHUNK_ENABLE + 4 * CHUNKS) || address == reg::ACQUISITION_MODE;
}

bool read_only(uint64_t address) {
  return address < reg::USER_ID || within(address, reg::FIRMWARE, reg::WIDTH) || address == reg::PAYLOAD_SIZE ||
         within(address, reg::TIMESTAMP_VALUE, reg::PTP_ENABLE) || address == reg::PTP_STATUS ||
         within(address, reg::PTP_OFFSET, reg::CHUNK_MODE) || address == reg::LINE_STATUS_ALL;
}

}  // namespace

Camera::Camera(int place, const std::string &name, const Settings &settings, const RigClock &rig_clock)
    : index(place), serial(name), id("mvmono3d_" + name), settings_(settings), rig_clock_(rig_clock) {
  reset(rig_clock.now());
}

void Camera::reset(int64_t rig_ns) {
  std::lock_guard<std::mutex> lock(mutex);
  faults.clear();
  counters = {};
  present = true;
  broken_ = power_lost_ = false;
  busy_until_ = 0;
  if (!acquiring_) power_up(rig_ns);
  // The cameras were switched on at different times.
  clock.start(rig_ns, (60 + 7 * index) * SECOND, 1000 + uint64_t(index));
  clock.enable_ptp(rig_ns, registers.get(reg::PTP_ENABLE) != 0);
}

void Camera::power_up(int64_t rig_ns) {
  registers = Registers();
  set_identity();
  auto width = uint32_t(settings_.width), height = uint32_t(settings_.height);
  registers.set(reg::SENSOR_WIDTH, width);
  registers.set(reg::SENSOR_HEIGHT, height);
  registers.set(reg::WIDTH, width);
  registers.set(reg::HEIGHT, height);
  registers.set<uint32_t>(reg::PIXEL_FORMAT, MONO8);
  registers.set<uint32_t>(reg::FRAME_COUNT, 1);
  registers.set<double>(reg::FRAME_RATE, 60);
  registers.set<double>(reg::EXPOSURE_TIME, 1000);
  registers.set<uint32_t>(reg::LINE_MODE + 4 * STROBE_LINE, LINE_OUTPUT);
  for (uint32_t chunk = 0; chunk < CHUNKS; chunk++) registers.set<uint32_t>(reg::CHUNK_ENABLE + 4 * chunk, 1);
  registers.set<uint64_t>(reg::TICK_HZ, uint64_t(settings_.tick_hz));
  registers.set<double>(reg::TEMPERATURE, 41.5 + index);
  registers.set<uint64_t>(reg::LINK_LIMIT, 125000000);
  update_payload();
  clock.start(rig_ns, 0, 1000 + uint64_t(index));
}

void Camera::set_identity() {
  registers.set_text(reg::VENDOR, "MVMono3D");
  registers.set_text(reg::MODEL, "Virtual1280M");
  registers.set_text(reg::SERIAL, serial);
  registers.set_text(reg::USER_ID, "cam" + std::to_string(index));
  registers.set_text(reg::FIRMWARE, "1.0.0");
}

void Camera::update_payload() {
  Frame frame;
  frame.width = registers.get(reg::WIDTH);
  frame.height = registers.get(reg::HEIGHT);
  frame.format = registers.get(reg::PIXEL_FORMAT);
  size_t size = image_bytes(frame);
  if (registers.get(reg::CHUNK_MODE)) {
    size = (size + 7) & ~size_t(7);
    for (uint32_t chunk = 0; chunk < CHUNKS; chunk++) size += registers.get(reg::CHUNK_ENABLE + 4 * chunk) ? 8 : 0;
  }
  registers.set(reg::PAYLOAD_SIZE, uint32_t(size));
}

gentl::Status Camera::read(uint64_t address, void *data, size_t size) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!reachable()) return gentl::IO;
  if (!Registers::holds(address, size)) return gentl::INVALID_ADDRESS;
  int64_t now = rig_clock_.now();
  clock.set_ptp(settings_.ptp_lock_ms, settings_.ptp_jitter_ns);
  registers.set<uint32_t>(reg::PTP_STATUS, clock.ptp_state(now));
  bool strobes = registers.get(reg::LINE_SOURCE + 4 * STROBE_LINE) == LINE_EXPOSURE_ACTIVE && now < busy_until_;
  registers.set<uint32_t>(reg::LINE_STATUS_ALL, strobes ? 1U << STROBE_LINE : 0);
  registers.read(address, data, size);
  return gentl::SUCCESS;
}

gentl::Status Camera::refuses(uint64_t address, size_t size) const {
  if (!reachable()) return gentl::IO;
  if (!Registers::holds(address, size)) return gentl::INVALID_ADDRESS;
  if (read_only(address)) return gentl::ACCESS_DENIED;
  return acquiring_ && shapes_frames(address) ? gentl::BUSY : gentl::SUCCESS;
}

gentl::Status Camera::write(uint64_t address, const void *data, size_t size, Request *request) {
  std::lock_guard<std::mutex> lock(mutex);
  if (gentl::Status status = refuses(address, size)) return status;
  Registers before = registers;
  registers.write(address, data, size);
  if (!valid()) {
    registers = before;
    return gentl::INVALID_VALUE;
  }
  react(address, request);
  return gentl::SUCCESS;
}

bool Camera::valid() const {
  auto fits = [this](uint64_t size, uint64_t offset, uint64_t sensor, uint32_t least, uint32_t step) {
    uint32_t length = registers.get(size), start = registers.get(offset), all = registers.get(sensor);
    return length >= least && length % step == 0 && start % step == 0 && length <= all && start <= all - length;
  };
  double exposure = registers.get<double>(reg::EXPOSURE_TIME), gain = registers.get<double>(reg::GAIN);
  double rate = registers.get<double>(reg::FRAME_RATE), delay = registers.get<double>(reg::TRIGGER_DELAY);
  return fits(reg::WIDTH, reg::OFFSET_X, reg::SENSOR_WIDTH, WIDTH_LEAST, WIDTH_STEP) &&
         fits(reg::HEIGHT, reg::OFFSET_Y, reg::SENSOR_HEIGHT, HEIGHT_LEAST, HEIGHT_STEP) &&
         known_format(registers.get(reg::PIXEL_FORMAT)) && exposure >= 10 && exposure <= 1e6 && gain >= 0 &&
         gain <= 48 && rate >= 0.1 && rate <= 2000 && delay >= 0 && delay <= 1e6 &&
         registers.get(reg::LINE_SELECTOR) < LINES && registers.get(reg::CHUNK_SELECTOR) < CHUNKS;
}

void Camera::react(uint64_t address, Request *request) {
  int64_t now = rig_clock_.now();
  clock.set_ptp(settings_.ptp_lock_ms, settings_.ptp_jitter_ns);
  if (shapes_frames(address)) {
    update_payload();
  } else if (address == reg::PTP_ENABLE) {
    clock.enable_ptp(now, registers.get(reg::PTP_ENABLE) != 0);
  } else {
    command(address, now, request);
  }
}

void Camera::command(uint64_t address, int64_t now, Request *request) {
  switch (address) {
    case reg::ACQUISITION_START:
      return start(request);
    case reg::ACQUISITION_STOP:
      acquiring_ = false;
      return;
    case reg::TRIGGER_SOFTWARE:
      request->software_trigger = accepts(Edge::SOFTWARE);
      return;
    case reg::TIMESTAMP_LATCH:
      return registers.set<uint64_t>(reg::TIMESTAMP_VALUE, ticks(now));
    case reg::TIMESTAMP_RESET:
      return clock.set(now, 0);
    case reg::PTP_LATCH:
      clock.read(now);
      return registers.set<int64_t>(reg::PTP_OFFSET, clock.offset_from_master_ns());
  }
}

void Camera::start(Request *request) {
  uint32_t mode = registers.get(reg::ACQUISITION_MODE);
  frames_left_ = mode == SINGLE_FRAME ? 1 : mode == MULTI_FRAME ? registers.get(reg::FRAME_COUNT) : ~0ULL;
  acquiring_ = true;
  edges_ = 0;
  if (settings_.keep_frame_id == 0) numbered_ = 0;
  request->run = ++run_;
  request->free_run = registers.get(reg::TRIGGER_MODE) == 0;
}

void Camera::lose(bool power_lost) {
  present = acquiring_ = false;
  broken_ |= open;
  power_lost_ |= power_lost;
  changed.notify_all();
}

void Camera::come_back(int64_t rig_ns) {
  if (present) return;
  present = true;
  if (power_lost_) power_up(rig_ns);
  power_lost_ = false;
}

void Camera::unplug(bool power_lost) {
  std::lock_guard<std::mutex> lock(mutex);
  lose(power_lost);
}

void Camera::plug_in() {
  std::lock_guard<std::mutex> lock(mutex);
  come_back(rig_clock_.now());
}

void Camera::close_stream(std::unique_lock<std::mutex> &lock) {
  stream.grabbing = false;
  // Afterwards the consumer may free its memory.
  changed.wait(lock, [this] { return !stream.filling(); });
  stream.open = stream.registered = false;
  stream.forget_buffers();
}

void Camera::close() {
  // A connection that broke stays broken; the next one is new.
  open = broken_ = acquiring_ = false;
  registers.set<uint32_t>(reg::PARAMS_LOCKED, 0);
}

}  // namespace rig
