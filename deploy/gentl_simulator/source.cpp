#include "source.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace rig {

std::shared_ptr<const FrameSource> FrameSource::open(const std::string &path, uint32_t width, uint32_t height,
                                                     uint32_t bytes_per_sample, std::string *problem) {
  std::shared_ptr<FrameSource> source(new FrameSource());
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (file < 0 || fstat(file, &status) != 0 || status.st_size == 0) {
    if (file >= 0) ::close(file);
    *problem = path + ": missing, unreadable or empty";
    return nullptr;
  }
  source->bytes_ = size_t(status.st_size);
  void *map = mmap(nullptr, source->bytes_, PROT_READ, MAP_SHARED, file, 0);
  ::close(file);
  if (map == MAP_FAILED) {
    *problem = path + ": cannot be mapped";
    return nullptr;
  }
  source->map_ = static_cast<uint8_t *>(map);
  source->width = width;
  source->height = height;
  source->bytes_per_sample = bytes_per_sample;
  std::string wrong = source->check(width, height);
  if (wrong.empty()) return source;
  *problem = path + ": " + wrong;
  return nullptr;
}

std::string FrameSource::check(uint32_t sensor_width, uint32_t sensor_height) {
  if (bytes_ >= sizeof(RingHead) && std::memcmp(map_, "MVRING01", 8) == 0) {
    ring_ = reinterpret_cast<const RingHead *>(map_);
    width = ring_->width;
    height = ring_->height;
    bytes_per_sample = ring_->bytes_per_sample;
  }
  if (width != sensor_width || height != sensor_height)
    return "frames of " + std::to_string(width) + "x" + std::to_string(height) + ", expected the sensor's " +
           std::to_string(sensor_width) + "x" + std::to_string(sensor_height);
  if (bytes_per_sample != 1 && bytes_per_sample != 2) return "expected 1 or 2 bytes per sample";
  frame_bytes_ = size_t(width) * height * bytes_per_sample;
  if (ring_ == nullptr) {
    frames_ = bytes_ / frame_bytes_;
    if (frames_ == 0 || bytes_ % frame_bytes_ != 0)
      return std::to_string(bytes_) + " bytes are not a whole number of frames of " + std::to_string(frame_bytes_);
    return "";
  }
  frames_ = ring_->slots;
  uint64_t head = sizeof(RingHead) + 8 * uint64_t(frames_);
  bool fits = frames_ > 0 && ring_->data_offset >= head && ring_->data_offset <= bytes_ &&
              (bytes_ - ring_->data_offset) / frame_bytes_ >= frames_;
  return fits ? "" : "the ring is shorter than its head says";
}

FrameSource::~FrameSource() {
  if (map_) munmap(map_, bytes_);
}

FrameSource::Lease FrameSource::pick(uint64_t pulse) const {
  if (ring_ == nullptr) return {map_ + (pulse % frames_) * frame_bytes_, nullptr, 0};
  uint64_t newest = ring_->newest.load(std::memory_order_acquire);
  if (newest == 0) return {};
  size_t slot = (newest - 1) % frames_;
  auto *sequence = reinterpret_cast<const std::atomic<uint64_t> *>(map_ + sizeof(RingHead)) + slot;
  return {map_ + ring_->data_offset + slot * frame_bytes_, sequence, sequence->load(std::memory_order_acquire)};
}

bool FrameSource::whole(const Lease &lease) {
  if (lease.sequence == nullptr) return true;
  std::atomic_thread_fence(std::memory_order_acquire);
  return lease.taken_at % 2 == 0 && lease.sequence->load(std::memory_order_relaxed) == lease.taken_at;
}

}  // namespace rig
