#include "faults.hpp"

namespace rig {
namespace {

const std::pair<const char *, FaultKind> NAMES[] = {
    {"missed_trigger", MISSED_TRIGGER}, {"lost_frame", LOST_FRAME},   {"incomplete", INCOMPLETE},
    {"late", LATE},                     {"duplicate", DUPLICATE},     {"double_trigger", DOUBLE_TRIGGER},
    {"clock_jump", CLOCK_JUMP},         {"clock_reset", CLOCK_RESET}, {"clock_drift", CLOCK_DRIFT},
    {"device_lost", DEVICE_LOST},       {"underrun", UNDERRUN},       {"dark", DARK},
};

}  // namespace

int32_t fault_kind(const std::string &name) {
  for (auto &known : NAMES)
    if (name == known.first) return known.second;
  return 0;
}

std::string fault_names() {
  std::string names;
  for (auto &known : NAMES) names += (names.empty() ? "" : " ") + std::string(known.first);
  return names;
}

const Fault *FaultPlan::Active::find(FaultKind kind) const {
  for (auto &fault : faults)
    if (fault.kind == kind) return &fault;
  return nullptr;
}

FaultPlan::Active FaultPlan::at(uint64_t pulse) {
  Active active;
  for (auto it = faults_.begin(); it != faults_.end() && it->first <= pulse;) {
    Fault &fault = it->second;
    if (pulse - fault.first >= fault.count) {
      active.device_returns |= fault.kind == DEVICE_LOST && fault.begun;
      it = faults_.erase(it);
      continue;
    }
    active.faults.push_back(fault);
    fault.begun = true;
    ++it;
  }
  return active;
}

}  // namespace rig
