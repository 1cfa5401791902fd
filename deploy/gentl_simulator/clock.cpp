#include "clock.hpp"

#include <ctime>

#include <cmath>

namespace rig {
namespace {

int64_t read_clock(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

}  // namespace

int64_t monotonic_ns() { return read_clock(CLOCK_MONOTONIC); }

RigClock::RigClock() { follow_machine(); }

int64_t RigClock::now() const { return follows_ ? epoch_ + monotonic_ns() : standing_.load(); }

void RigClock::follow_machine() {
  epoch_ = read_clock(CLOCK_REALTIME) - monotonic_ns();
  follows_ = true;
}

void RigClock::stand_at(int64_t rig_ns) {
  standing_ = rig_ns;
  follows_ = false;
}

void CameraClock::start(int64_t rig_ns, int64_t reads_ns, uint64_t seed) {
  at_ = rig_ns;
  reads_ = reads_ns;
  ppm_ = jitter_ns_ = 0;
  ptp_ = false;
  last_offset_ns_ = 0;
  random_.seed(seed);
}

int64_t CameraClock::own(int64_t rig_ns) const {
  int64_t elapsed = rig_ns - at_;
  return reads_ + elapsed + llround(double(elapsed) * ppm_ * 1e-6);
}

int64_t CameraClock::noise(double sigma_ns) {
  return sigma_ns > 0 ? llround(std::normal_distribution<double>(0, sigma_ns)(random_)) : 0;
}

int64_t CameraClock::read(int64_t rig_ns) {
  int64_t time;
  if (locked(rig_ns)) {
    last_offset_ns_ = noise(ptp_jitter_ns_);
    time = rig_ns + last_offset_ns_;
  } else {
    time = own(rig_ns) + noise(jitter_ns_);
  }
  return time < 0 ? 0 : time;
}

void CameraClock::anchor(int64_t rig_ns) {
  // A locked clock that loses its master goes on from the master's time.
  reads_ = locked(rig_ns) ? rig_ns : own(rig_ns);
  at_ = rig_ns;
}

void CameraClock::jump(int64_t rig_ns, int64_t by_ns) {
  anchor(rig_ns);
  reads_ += by_ns;
  ptp_since_ = rig_ns;
}

void CameraClock::set(int64_t rig_ns, int64_t reads_ns) {
  at_ = rig_ns;
  reads_ = reads_ns;
  ptp_since_ = rig_ns;
}

void CameraClock::set_drift(int64_t rig_ns, double ppm) {
  anchor(rig_ns);
  ppm_ = ppm;
}

void CameraClock::enable_ptp(int64_t rig_ns, bool enable) {
  if (enable == ptp_) return;
  anchor(rig_ns);
  ptp_ = enable;
  ptp_since_ = rig_ns;
}

PtpState CameraClock::ptp_state(int64_t rig_ns) const {
  if (!ptp_) return PTP_DISABLED;
  int64_t listened = rig_ns - ptp_since_;
  if (listened >= lock_ns_) return PTP_SLAVE;
  return listened < lock_ns_ / 2 ? PTP_LISTENING : PTP_UNCALIBRATED;
}

}  // namespace rig
