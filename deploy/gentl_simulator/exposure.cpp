// The camera as a sensor: what a trigger edge does, and how its frame reaches a buffer.
#include <cmath>

#include "camera.hpp"
#include "settings.hpp"

namespace rig {
namespace {

constexpr double REFERENCE_EXPOSURE_US = 1000;  // at which the picture has the brightness of its source
constexpr double WITHOUT_STROBE = 0.02;
constexpr int64_t BOUNCE_NS = 200000;

int64_t nanoseconds(double us) { return llround(us * 1e3); }

}  // namespace

uint64_t Camera::ticks(int64_t rig_ns) {
  auto reading = uint64_t(clock.read(rig_ns));
  auto hz = uint64_t(settings_.tick_hz);
  return hz == 1000000000 ? reading : uint64_t(__uint128_t(reading) * hz / 1000000000);
}

uint64_t Camera::next_frame_id() {
  auto first = uint64_t(settings_.first_frame_id), count = numbered_++;
  auto bits = int(settings_.frame_id_bits);
  if (bits >= 64) return first + count;
  uint64_t ids = 1ULL << bits;
  // Zero is no id in GigE Vision 1, unless the counter was told to begin there.
  return first == 0 ? count % ids : (first - 1 + count) % (ids - 1) + 1;
}

bool Camera::accepts(Edge edge) const {
  if (!acquiring_ || !stream.grabbing) return false;
  if (registers.get(reg::TRIGGER_MODE) == 0) return edge == Edge::FREE_RUN;
  uint32_t chosen = registers.get(reg::TRIGGER_SOURCE);
  return chosen == SOURCE_LINE0 ? edge == Edge::LINE0 : edge == Edge::SOFTWARE;
}

void Camera::suffer(const FaultPlan::Active &active, int64_t rig_ns) {
  if (active.device_returns) come_back(rig_ns);
  for (auto &fault : active.faults) {
    if (fault.begun) continue;
    if (fault.kind == CLOCK_JUMP) clock.jump(rig_ns, fault.argument);
    if (fault.kind == CLOCK_RESET) clock.set(rig_ns, fault.argument);
    if (fault.kind == CLOCK_DRIFT) clock.set_drift(rig_ns, double(fault.argument) * 1e-3);
    if (fault.kind == DEVICE_LOST) lose(fault.argument != 0);
  }
}

std::vector<Delivery> Camera::trigger(uint64_t pulse, int64_t rig_ns, Edge edge) {
  std::lock_guard<std::mutex> lock(mutex);
  clock.set_ptp(settings_.ptp_lock_ms, settings_.ptp_jitter_ns);
  FaultPlan::Active active = faults.at(pulse);
  suffer(active, rig_ns);
  if (!present || !accepts(edge)) return {};
  edges_++;
  counters[PULSES]++;
  if (active.find(MISSED_TRIGGER)) {
    counters[MISSED]++;
    return {};
  }
  int64_t start = rig_ns + nanoseconds(registers.get<double>(reg::TRIGGER_DELAY));
  if (start < busy_until_) {
    counters[REFUSED]++;
    return {};
  }
  Frame frame = expose(pulse, start, active);
  std::vector<Delivery> deliveries = travel(frame, rig_ns, active);
  if (const Fault *fault = active.find(DOUBLE_TRIGGER)) {
    counters[DOUBLED]++;
    int64_t again = start + (fault->argument ? fault->argument : BOUNCE_NS);
    Frame second = expose(pulse, again, active);
    for (auto &delivery : travel(second, rig_ns, active)) deliveries.push_back(delivery);
  }
  if (--frames_left_ == 0) acquiring_ = false;
  return deliveries;
}

Frame Camera::expose(uint64_t pulse, int64_t rig_ns, const FaultPlan::Active &active) {
  Frame frame;
  frame.camera = index;
  frame.run = run_;
  frame.pulse = pulse;
  frame.frame_id = next_frame_id();
  frame.timestamp = ticks(rig_ns);
  frame.x = registers.get(reg::OFFSET_X);
  frame.y = registers.get(reg::OFFSET_Y);
  frame.width = registers.get(reg::WIDTH);
  frame.height = registers.get(reg::HEIGHT);
  frame.format = registers.get(reg::PIXEL_FORMAT);
  frame.exposure_us = registers.get<double>(reg::EXPOSURE_TIME);
  frame.gain_db = registers.get<double>(reg::GAIN);
  frame.stamp = settings_.stamp != 0;
  frame.source = source;
  frame.incomplete = active.find(INCOMPLETE) != nullptr;
  frame.underrun = active.find(UNDERRUN) != nullptr;
  for (uint32_t chunk = 0; chunk < CHUNKS && registers.get(reg::CHUNK_MODE); chunk++)
    frame.chunks |= (registers.get(reg::CHUNK_ENABLE + 4 * chunk) ? 1U : 0U) << chunk;
  light(&frame, active.find(DARK) != nullptr);
  bool overlaps = registers.get(reg::TRIGGER_OVERLAP) != 0;
  busy_until_ = rig_ns + nanoseconds(frame.exposure_us + (overlaps ? 0 : double(settings_.readout_us)));
  counters[EXPOSED]++;
  return frame;
}

void Camera::light(Frame *frame, bool dark) {
  bool strobes = registers.get(reg::LINE_SOURCE + 4 * STROBE_LINE) == LINE_EXPOSURE_ACTIVE &&
                 registers.get(reg::LINE_MODE + 4 * STROBE_LINE) == LINE_OUTPUT;
  if (strobes && !dark) counters[STROBES]++;
  if (dark) frame->brightness = WITHOUT_STROBE;
  if (settings_.light == 0) return;
  frame->brightness = (strobes && !dark ? 1 : WITHOUT_STROBE) * frame->exposure_us / REFERENCE_EXPOSURE_US *
                      std::pow(10, frame->gain_db / 20);
  frame->black_level = registers.get<double>(reg::BLACK_LEVEL);
}

std::vector<Delivery> Camera::travel(const Frame &frame, int64_t rig_ns, const FaultPlan::Active &active) {
  if (active.find(LOST_FRAME)) {
    counters[LOST]++;
    return {};
  }
  Delivery delivery{frame, busy_until_ - rig_ns, 0};
  if (const Fault *late = active.find(LATE)) {
    delivery.late_ns = late->argument;
    counters[LATES]++;
  }
  bool twice = active.find(DUPLICATE) != nullptr;
  counters[DUPLICATED] += twice;
  counters[IN_FLIGHT] += twice ? 2 : 1;
  return std::vector<Delivery>(twice ? 2 : 1, delivery);
}

void Camera::deliver(const Frame &frame) {
  std::unique_lock<std::mutex> lock(mutex);
  if (counters[IN_FLIGHT]) counters[IN_FLIGHT]--;
  if (!present || !stream.grabbing || frame.run != run_) {
    counters[DISCARDED]++;
    return;
  }
  if (stream.input.empty() || frame.underrun) {
    stream.underrun++;
    counters[UNDERRUNS]++;
    return;
  }
  Buffer *buffer = stream.input.front();
  stream.input.pop_front();
  buffer->state = BufferState::FILLING;
  buffer->frame = frame;
  stream.started++;
  lock.unlock();
  fill(*buffer);
  lock.lock();
  changed.notify_all();
  if (!stream.grabbing || !present) {
    buffer->state = BufferState::IDLE;
    counters[DISCARDED]++;
    return;
  }
  buffer->state = BufferState::OUTPUT;
  buffer->fresh = true;
  stream.output.push_back(buffer);
  stream.delivered++;
  stream.fired++;
  counters[DELIVERED]++;
  counters[INCOMPLETES] += frame.incomplete;
}

int64_t Camera::free_run_period_ns(uint64_t run, uint64_t *edges) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!acquiring_ || run != run_ || !present) return 0;
  *edges = edges_;
  return llround(1e9 / registers.get<double>(reg::FRAME_RATE));
}

}  // namespace rig
