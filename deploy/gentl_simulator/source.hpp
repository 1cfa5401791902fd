// Where frames come from: a file of raw frames, or a ring in shared memory that another process fills.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace rig {

// The head of a ring file; `slots` sequence numbers follow it, then the frames from `data_offset` on.
// A slot's number is odd while its frame is written. `newest` counts the frames ever written.
struct RingHead {
  char magic[8];  // "MVRING01"
  uint32_t width, height, bytes_per_sample, slots;
  std::atomic<uint64_t> newest;
  uint64_t data_offset;
  uint64_t reserved[3];
};
static_assert(sizeof(RingHead) == 64, "the ring's head is a file format");

// Full sensor frames, 8 bit, or 16 bit little endian with 12 bits of signal.
class FrameSource {
 public:
  // Map a file. A raw file has no head, so its shape is told; a ring knows its own. Null with a problem.
  static std::shared_ptr<const FrameSource> open(const std::string &path, uint32_t width, uint32_t height,
                                                 uint32_t bytes_per_sample, std::string *problem);
  ~FrameSource();
  FrameSource(const FrameSource &) = delete;
  FrameSource &operator=(const FrameSource &) = delete;

  struct Lease {
    const uint8_t *frame = nullptr;
    const std::atomic<uint64_t> *sequence = nullptr;
    uint64_t taken_at = 0;
  };
  // Raw file: the pulse's frame, round and round. Ring: the newest frame, none while it is empty.
  Lease pick(uint64_t pulse) const;
  // Whether the leased frame was not overwritten meanwhile.
  static bool whole(const Lease &lease);

  uint32_t width = 0, height = 0, bytes_per_sample = 1;

 private:
  FrameSource() = default;
  std::string check(uint32_t sensor_width, uint32_t sensor_height);

  uint8_t *map_ = nullptr;
  size_t bytes_ = 0, frames_ = 0, frame_bytes_ = 0;
  const RingHead *ring_ = nullptr;
};

}  // namespace rig
