// One frame: what the camera knows about it, and its pixels in the chosen format.
#pragma once
#include <cstdint>
#include <memory>

#include "source.hpp"

namespace rig {

// Pixel Format Naming Convention, 32 bit values.
enum PixelFormat : uint32_t {
  MONO8 = 0x01080001,
  MONO10 = 0x01100003,
  MONO12 = 0x01100005,
  MONO12P = 0x010C0047,
};
bool known_format(uint32_t format);

constexpr int WIDTH_STEP = 16, WIDTH_LEAST = 48, HEIGHT_STEP = 2, HEIGHT_LEAST = 2;

struct Frame {
  int camera = 0;
  uint64_t run = 0;  // which acquisition of the camera it belongs to
  uint64_t pulse = 0, frame_id = 0, timestamp = 0;
  uint32_t x = 0, y = 0, width = 0, height = 0, format = MONO8;
  double exposure_us = 0, gain_db = 0;
  double brightness = 1, black_level = 0;  // applied where they are not 1 and 0
  bool stamp = true, incomplete = false, underrun = false;
  uint32_t chunks = 0;  // bit per chunk
  std::shared_ptr<const FrameSource> source;
};

size_t row_bytes(uint32_t width, uint32_t format);
inline size_t image_bytes(const Frame &frame) { return row_bytes(frame.width, frame.format) * frame.height; }

// Write the image into `out`, as many whole rows as `room` holds. An incomplete frame ends after half of
// its rows. Without a source the picture is a ramp, (x + y + 3 pulse + 40 camera) mod 256.
void render(const Frame &frame, uint8_t *out, size_t room);

// The truth in the first STAMP_PIXELS pixels, one byte in the upper eight bits of each: magic, pulse, frame
// id, the camera's timestamp, and the CLOCK_MONOTONIC nanosecond at which the frame was handed over; each
// 8 bytes, little endian.
constexpr uint64_t STAMP_MAGIC = 0x31304D4153564DULL;
constexpr size_t STAMP_PIXELS = 40;
void write_stamp(const Frame &frame, int64_t delivered_ns, uint8_t *out, size_t room);

}  // namespace rig
