#include "pixels.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace rig {
namespace {

constexpr size_t RAMP_LENGTH = 65536 + 256;

const uint8_t *ramp() {
  static const std::vector<uint8_t> values = [] {
    std::vector<uint8_t> ramp(RAMP_LENGTH);
    for (size_t i = 0; i < ramp.size(); i++) ramp[i] = uint8_t(i);
    return ramp;
  }();
  return values.data();
}

void store16(uint8_t *out, size_t index, uint32_t value) {
  uint16_t stored = uint16_t(value);
  std::memcpy(out + 2 * index, &stored, 2);
}

// Samples have DEPTH significant bits; they move to the format's depth by shifting.
template <int DEPTH, class Sample>
void pack(const Sample *samples, size_t count, uint32_t format, uint8_t *out) {
  if (format == MONO8) {
    for (size_t i = 0; i < count; i++) out[i] = uint8_t(samples[i] >> (DEPTH - 8));
  } else if (format == MONO10) {
    for (size_t i = 0; i < count; i++) store16(out, i, uint32_t(samples[i]) << 2 >> (DEPTH - 8));
  } else if (format == MONO12) {
    for (size_t i = 0; i < count; i++) store16(out, i, uint32_t(samples[i]) << (12 - DEPTH));
  } else {
    for (size_t i = 0; i + 1 < count; i += 2, out += 3) {
      uint32_t pair = uint32_t(samples[i]) << (12 - DEPTH) | uint32_t(samples[i + 1]) << (24 - DEPTH);
      out[0] = uint8_t(pair);
      out[1] = uint8_t(pair >> 8);
      out[2] = uint8_t(pair >> 16);
    }
  }
}

class Rows {
 public:
  Rows(const Frame &frame, const FrameSource::Lease &lease)
      : frame_(frame), lease_(lease), lit_(frame.brightness != 1 || frame.black_level != 0),
        row_(lit_ || deep() ? frame.width : 0) {}

  void write(uint32_t y, uint8_t *out) {
    const uint8_t *start = row(y);
    if (lit_ || deep()) {
      for (uint32_t x = 0; x < frame_.width; x++) row_[x] = light(sample12(start, x));
      pack<12>(row_.data(), frame_.width, frame_.format, out);
    } else if (frame_.format == MONO8) {
      std::memcpy(out, start, frame_.width);
    } else {
      pack<8>(start, frame_.width, frame_.format, out);
    }
  }

 private:
  bool deep() const { return lease_.frame && frame_.source->bytes_per_sample == 2; }

  const uint8_t *row(uint32_t y) const {
    if (lease_.frame) {
      const FrameSource &source = *frame_.source;
      return lease_.frame + (size_t(frame_.y + y) * source.width + frame_.x) * source.bytes_per_sample;
    }
    return ramp() + ((frame_.x + frame_.y + y + 3 * frame_.pulse + 40 * uint64_t(frame_.camera)) & 255);
  }

  uint16_t sample12(const uint8_t *start, uint32_t x) const {
    if (!deep()) return uint16_t(start[x] << 4);
    uint16_t sample;
    std::memcpy(&sample, start + 2 * size_t(x), 2);
    return sample & 0xFFF;
  }

  uint16_t light(uint16_t sample) const {
    if (!lit_) return sample;
    return uint16_t(std::clamp(std::lround(sample * frame_.brightness + 16 * frame_.black_level), 0L, 4095L));
  }

  const Frame &frame_;
  const FrameSource::Lease lease_;
  const bool lit_;
  std::vector<uint16_t> row_;
};

}  // namespace

bool known_format(uint32_t format) {
  return format == MONO8 || format == MONO10 || format == MONO12 || format == MONO12P;
}

size_t row_bytes(uint32_t width, uint32_t format) {
  return format == MONO8 ? width : format == MONO12P ? size_t(width) * 3 / 2 : size_t(width) * 2;
}

void render(const Frame &frame, uint8_t *out, size_t room) {
  constexpr int ATTEMPTS = 4;  // a ring's writer may overtake us
  size_t stride = row_bytes(frame.width, frame.format);
  size_t rows = std::min<size_t>(frame.height, room / stride);
  if (frame.incomplete) rows = std::max<size_t>(1, rows / 2);
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    FrameSource::Lease lease = frame.source ? frame.source->pick(frame.pulse) : FrameSource::Lease{};
    Rows writer(frame, lease);
    for (uint32_t y = 0; y < rows; y++) writer.write(y, out + y * stride);
    if (FrameSource::whole(lease)) return;
  }
}

void write_stamp(const Frame &frame, int64_t delivered_ns, uint8_t *out, size_t room) {
  uint64_t words[STAMP_PIXELS / 8] = {STAMP_MAGIC, frame.pulse, frame.frame_id, frame.timestamp,
                                      uint64_t(delivered_ns)};
  uint8_t bytes[STAMP_PIXELS];
  static_assert(sizeof words == sizeof bytes, "one byte per stamped pixel");
  std::memcpy(bytes, words, sizeof bytes);
  if (frame.stamp && room >= row_bytes(STAMP_PIXELS, frame.format))
    pack<8>(bytes, STAMP_PIXELS, frame.format, out);
}

}  // namespace rig
