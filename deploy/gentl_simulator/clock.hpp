// The rig's clock, and each camera's own clock with its offset, drift, noise and PTP.
#pragma once
#include <atomic>
#include <cstdint>
#include <random>

namespace rig {

// Nanoseconds of CLOCK_MONOTONIC: the clock of the delivery times in the pixels.
int64_t monotonic_ns();

// The machine's wall clock (steady after the start), or a time that stands still until it is moved.
class RigClock {
 public:
  RigClock();
  int64_t now() const;
  void follow_machine();
  void stand_at(int64_t rig_ns);
  bool follows_machine() const { return follows_; }

 private:
  std::atomic<bool> follows_{true};
  std::atomic<int64_t> epoch_{0}, standing_{0};
};

enum PtpState : uint32_t { PTP_DISABLED = 2, PTP_LISTENING = 3, PTP_UNCALIBRATED = 7, PTP_SLAVE = 8 };

class CameraClock {
 public:
  void start(int64_t rig_ns, int64_t reads_ns, uint64_t seed);
  // Nanoseconds that the camera believes at this rig time.
  int64_t read(int64_t rig_ns);

  void jump(int64_t rig_ns, int64_t by_ns);
  void set(int64_t rig_ns, int64_t reads_ns);
  void set_drift(int64_t rig_ns, double ppm);
  void set_jitter(int64_t sigma_ns) { jitter_ns_ = sigma_ns; }

  void enable_ptp(int64_t rig_ns, bool enable);
  void set_ptp(double lock_ms, double jitter_ns) {
    lock_ns_ = int64_t(lock_ms * 1e6);
    ptp_jitter_ns_ = jitter_ns;
  }
  PtpState ptp_state(int64_t rig_ns) const;
  int64_t offset_from_master_ns() const { return last_offset_ns_; }

 private:
  bool locked(int64_t rig_ns) const { return ptp_state(rig_ns) == PTP_SLAVE; }
  int64_t noise(double sigma_ns);
  int64_t own(int64_t rig_ns) const;
  void anchor(int64_t rig_ns);

  // The free clock is a line through (at_, reads_), so that a change of rate never makes it jump.
  int64_t at_ = 0, reads_ = 0;
  double ppm_ = 0, jitter_ns_ = 0;
  bool ptp_ = false;
  int64_t ptp_since_ = 0, lock_ns_ = 0, last_offset_ns_ = 0;
  double ptp_jitter_ns_ = 0;
  std::mt19937_64 random_;
};

}  // namespace rig
