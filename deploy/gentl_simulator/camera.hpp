// One camera: registers, clock, trigger, exposure, and the stream that its frames leave by.
#pragma once
#include <array>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "clock.hpp"
#include "faults.hpp"
#include "gentl.hpp"
#include "registers.hpp"
#include "stream.hpp"

namespace rig {

struct Settings;
class Camera;

enum class ModuleKind { SYSTEM, INTERFACE, DEVICE, CAMERA, STREAM, EVENT };
// What a GenTL handle points to. Modules live as long as the process.
struct Module {
  ModuleKind kind;
  Camera *camera = nullptr;
};

// What became of the pulses and frames since the start:
//   pulses = missed + refused + exposed - doubled
//   exposed + duplicated = delivered + lost + underrun + discarded + in_flight
enum Counter {
  PULSES, MISSED, REFUSED, EXPOSED, DOUBLED, LOST, DUPLICATED, DELIVERED, UNDERRUNS, DISCARDED, IN_FLIGHT,
  INCOMPLETES, LATES, STROBES, COUNTERS
};

enum class Edge { LINE0, SOFTWARE, FREE_RUN };

struct Delivery {
  Frame frame;
  int64_t travel_ns = 0;  // from the trigger to the end of the exposure
  int64_t late_ns = 0;    // what a fault adds
};

class Camera {
 public:
  Camera(int place, const std::string &name, const Settings &settings, const RigClock &rig_clock);

  const int index;
  const std::string serial, id;
  Module device{ModuleKind::DEVICE, this}, port{ModuleKind::CAMERA, this}, data_stream{ModuleKind::STREAM, this},
      event{ModuleKind::EVENT, this};

  // Guards everything below; `changed` tells of new output, kills, and buffers that are no longer filled.
  std::mutex mutex;
  std::condition_variable changed;
  Registers registers;
  CameraClock clock;
  FaultPlan faults;
  Stream stream;
  std::shared_ptr<const FrameSource> source;
  std::array<uint64_t, COUNTERS> counters{};
  bool open = false, present = true;

  // These lock.
  void reset(int64_t rig_ns);
  gentl::Status read(uint64_t address, void *data, size_t size);
  struct Request {
    bool software_trigger = false, free_run = false;
    uint64_t run = 0;
  };
  gentl::Status write(uint64_t address, const void *data, size_t size, Request *request);
  std::vector<Delivery> trigger(uint64_t pulse, int64_t rig_ns, Edge edge);
  void deliver(const Frame &frame);
  // The period of free running, or 0 where this run has ended.
  int64_t free_run_period_ns(uint64_t run, uint64_t *edges);
  void unplug(bool power_lost);
  void plug_in();

  // The caller locks.
  bool reachable() const { return present && !broken_; }
  void close();
  void close_stream(std::unique_lock<std::mutex> &lock);

 private:
  void power_up(int64_t rig_ns);
  void set_identity();
  gentl::Status refuses(uint64_t address, size_t size) const;
  bool valid() const;
  void react(uint64_t address, Request *request);
  void command(uint64_t address, int64_t now, Request *request);
  void update_payload();
  void start(Request *request);
  uint64_t ticks(int64_t rig_ns);
  uint64_t next_frame_id();
  void suffer(const FaultPlan::Active &active, int64_t rig_ns);
  void lose(bool power_lost);
  void come_back(int64_t rig_ns);
  bool accepts(Edge edge) const;
  Frame expose(uint64_t pulse, int64_t rig_ns, const FaultPlan::Active &active);
  void light(Frame *frame, bool dark);
  std::vector<Delivery> travel(const Frame &frame, int64_t rig_ns, const FaultPlan::Active &active);

  const Settings &settings_;
  const RigClock &rig_clock_;
  bool acquiring_ = false, broken_ = false, power_lost_ = false;
  uint64_t run_ = 0, frames_left_ = 0, numbered_ = 0, edges_ = 0;
  int64_t busy_until_ = 0;
};

}  // namespace rig
