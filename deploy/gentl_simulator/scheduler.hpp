// Things that happen at a rig time: by a thread of their own in real time, by run_until() otherwise.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "clock.hpp"

namespace rig {

class Scheduler {
 public:
  using Task = std::function<void()>;
  // `step` is held while a task runs, so that tasks never overlap with each other or with a control call.
  Scheduler(RigClock &clock, std::mutex &step) : clock_(clock), step_(step) {}

  void push(int64_t due_ns, Task task);
  void start();
  void stop();
  void clear();
  void clock_changed();
  // The caller holds `step`. Standing clock only: it moves to each task's time, then to `rig_ns`.
  void run_until(int64_t rig_ns);

 private:
  void work();
  using Queue = std::multimap<int64_t, Task>;

  RigClock &clock_;
  std::mutex &step_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Queue tasks_;
  std::thread thread_;
  bool stopping_ = false;
};

}  // namespace rig
