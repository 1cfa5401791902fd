// What can go wrong, planned by the number of the trigger pulse at which it happens.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rig {

enum FaultKind : int32_t {
  MISSED_TRIGGER = 1,  // the camera does not expose
  LOST_FRAME,          // exposed, never arrives
  INCOMPLETE,          // arrives half filled
  LATE,                // arrives `argument` ns later than it would
  DUPLICATE,           // arrives twice
  DOUBLE_TRIGGER,      // a second exposure `argument` ns later (200 us if 0)
  CLOCK_JUMP,          // from now on the clock reads `argument` ns more
  CLOCK_RESET,         // from now on the clock counts from `argument` ns
  CLOCK_DRIFT,         // from now on the clock runs `argument` parts per billion fast
  DEVICE_LOST,         // unplugged for `count` pulses; `argument` 1: power lost, 0: cable only
  UNDERRUN,            // arrives while no buffer is free
  DARK,                // the IR strobe stays off
};

struct Fault {
  FaultKind kind;
  uint64_t first, count;
  int64_t argument;
  bool begun = false;
};

// The kind of that name, or 0.
int32_t fault_kind(const std::string &name);
std::string fault_names();

// Faults in the order of their first pulse. A pulse that has passed never comes again.
class FaultPlan {
 public:
  void add(const Fault &fault) { faults_.emplace(fault.first, fault); }
  void clear() { faults_.clear(); }

  struct Active {
    std::vector<Fault> faults;  // `begun` is false at a fault's first pulse
    bool device_returns = false;
    const Fault *find(FaultKind kind) const;
  };
  Active at(uint64_t pulse);

 private:
  std::multimap<uint64_t, Fault> faults_;
};

}  // namespace rig
