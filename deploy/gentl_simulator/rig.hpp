// All cameras, the trigger line that they share, and the time that they live in.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "camera.hpp"
#include "scheduler.hpp"
#include "settings.hpp"

namespace rig {

class Rig {
 public:
  // The one rig of this process. It is never destroyed, so that exit needs no order.
  static Rig &instance();

  Settings settings;
  RigClock clock;
  std::vector<std::unique_ptr<Camera>> cameras;
  std::string problem;  // what is wrong with the configuration file, or nothing

  // The state of the GenTL library, guarded by `library`.
  std::mutex library;
  bool initialized = false, system_open = false, interface_open = false;
  Module system{ModuleKind::SYSTEM}, interface{ModuleKind::INTERFACE};
  std::vector<Camera *> listed;  // as of the last update of the device list
  std::string camera_xml, system_xml, interface_xml, device_xml, stream_xml;

  void open_library();
  void close_library();
  Camera *camera(int index) const;
  Camera *by_id(const std::string &id) const;

  // One edge on the trigger line of the cameras in the mask. `rig_ns` < 0: now. Negative: time went back.
  int64_t pulse(int64_t rig_ns, uint64_t mask);
  // Move a standing clock, delivering what falls due. False: time went back, or the clock follows the machine.
  bool advance(int64_t rig_ns);
  // Regular edges in real time, or as a standing clock is moved. count 0: without end. hz 0: stop.
  void pulses(double hz, uint64_t count);
  void reset(int64_t rig_ns);
  void set_realtime(bool realtime);
  void software_trigger(Camera &camera);
  void free_run(Camera &camera, uint64_t run);

 private:
  Rig();
  void create_cameras();
  void apply_lines();
  void edge(int64_t rig_ns, uint64_t pulse, uint64_t mask);
  void send(Camera &camera, int64_t rig_ns, const std::vector<Delivery> &deliveries);
  int64_t link_time(const Frame &frame, int64_t leaves_ns);
  void tick(int64_t due_ns, uint64_t generation);
  void run_freely(Camera &camera, uint64_t run, int64_t due_ns);

  std::mutex step_;  // held while time or the trigger line moves
  Scheduler scheduler_{clock, step_};
  uint64_t next_pulse_ = 0, generation_ = 0, left_ = 0;
  double hz_ = 0;
  int64_t link_free_ns_ = 0;
};

}  // namespace rig
