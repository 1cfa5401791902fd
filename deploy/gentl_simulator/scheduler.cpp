#include "scheduler.hpp"

#include <algorithm>
#include <chrono>

namespace rig {

void Scheduler::push(int64_t due_ns, Task task) {
  std::lock_guard<std::mutex> lock(mutex_);
  tasks_.emplace(due_ns, std::move(task));
  changed_.notify_one();
}

void Scheduler::start() {
  if (thread_.joinable()) return;
  stopping_ = false;
  thread_ = std::thread([this] { work(); });
}

void Scheduler::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  clear();
}

void Scheduler::clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  tasks_.clear();
}

void Scheduler::clock_changed() {
  std::lock_guard<std::mutex> lock(mutex_);
  changed_.notify_one();
}

void Scheduler::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    if (tasks_.empty() || !clock_.follows_machine()) {
      changed_.wait(lock);
      continue;
    }
    int64_t left = tasks_.begin()->first - clock_.now();
    if (left > 0) {
      // At most a second at once: the wall clock may have been set meanwhile.
      changed_.wait_for(lock, std::chrono::nanoseconds(std::min<int64_t>(left, 1000000000)));
      continue;
    }
    Queue::node_type node = tasks_.extract(tasks_.begin());
    lock.unlock();
    {
      std::lock_guard<std::mutex> step(step_);
      node.mapped()();
    }
    lock.lock();
  }
}

void Scheduler::run_until(int64_t rig_ns) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!tasks_.empty() && tasks_.begin()->first <= rig_ns) {
    Queue::node_type node = tasks_.extract(tasks_.begin());
    lock.unlock();
    clock_.stand_at(std::max(clock_.now(), node.key()));
    node.mapped()();
    lock.lock();
  }
  lock.unlock();
  clock_.stand_at(rig_ns);
}

}  // namespace rig
