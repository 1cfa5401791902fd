#include "stream.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "clock.hpp"
#include "registers.hpp"

namespace rig {

Buffer *Stream::find(gentl::Handle handle) {
  for (auto &buffer : buffers)
    if (&buffer == handle) return &buffer;
  return nullptr;
}

Buffer *Stream::announce(void *base, size_t size, void *user) {
  Buffer &buffer = buffers.emplace_back();
  buffer.owned = base == nullptr;
  buffer.base = static_cast<uint8_t *>(base ? base : std::calloc(1, size));
  buffer.size = size;
  buffer.user = user;
  if (buffer.base != nullptr) return &buffer;
  buffers.pop_back();
  return nullptr;
}

gentl::Status Stream::revoke(Buffer *buffer, void **base, void **user) {
  if (buffer->state == BufferState::FILLING) return gentl::BUSY;
  for (auto *queue : {&input, &output}) queue->erase(std::remove(queue->begin(), queue->end(), buffer), queue->end());
  if (base) *base = buffer->owned ? nullptr : buffer->base;
  if (user) *user = buffer->user;
  if (buffer->owned) std::free(buffer->base);
  buffers.remove_if([buffer](const Buffer &other) { return &other == buffer; });
  return gentl::SUCCESS;
}

gentl::Status Stream::queue(Buffer *buffer) {
  if (buffer->state != BufferState::IDLE) return gentl::RESOURCE_IN_USE;
  buffer->state = BufferState::INPUT;
  input.push_back(buffer);
  return gentl::SUCCESS;
}

void Stream::idle(std::deque<Buffer *> &queue) {
  for (auto *buffer : queue) buffer->state = BufferState::IDLE;
  queue.clear();
}

gentl::Status Stream::flush(int32_t operation) {
  switch (operation) {
    case gentl::QUEUE_INPUT_TO_OUTPUT:
      for (auto *buffer : input) {
        buffer->state = BufferState::OUTPUT;
        buffer->fresh = false;
        buffer->filled = 0;
        output.push_back(buffer);
      }
      input.clear();
      return gentl::SUCCESS;
    case gentl::QUEUE_OUTPUT_DISCARD:
      idle(output);
      return gentl::SUCCESS;
    case gentl::QUEUE_ALL_DISCARD:
      idle(input);
      idle(output);
      return gentl::SUCCESS;
    case gentl::QUEUE_ALL_TO_INPUT:
      idle(input);
      idle(output);
      [[fallthrough]];
    case gentl::QUEUE_UNQUEUED_TO_INPUT:
      for (auto &buffer : buffers)
        if (buffer.state == BufferState::IDLE) queue(&buffer);
      return gentl::SUCCESS;
  }
  return gentl::INVALID_PARAMETER;
}

bool Stream::filling() const {
  return std::any_of(buffers.begin(), buffers.end(), [](auto &b) { return b.state == BufferState::FILLING; });
}

void Stream::start() {
  grabbing = true;
  kills = 0;
  delivered = underrun = started = 0;
}

void Stream::forget_buffers() {
  input.clear();
  output.clear();
  for (auto &buffer : buffers)
    if (buffer.owned) std::free(buffer.base);
  buffers.clear();
}

void fill(Buffer &buffer) {
  const Frame &frame = buffer.frame;
  size_t image = image_bytes(frame);
  buffer.image = std::min(image, buffer.size);
  render(frame, buffer.base, buffer.size);
  buffer.chunks.clear();
  size_t end = (image + 7) & ~size_t(7);
  double exposure = frame.exposure_us, gain = frame.gain_db;
  const void *values[CHUNKS] = {&frame.timestamp, &frame.frame_id, &exposure, &gain};
  for (uint32_t chunk = 0; chunk < CHUNKS; chunk++) {
    if (!(frame.chunks >> chunk & 1) || end + 8 > buffer.size || frame.incomplete) continue;
    std::memcpy(buffer.base + end, values[chunk], 8);
    buffer.chunks.push_back({CHUNK_ID_BASE + chunk, ptrdiff_t(end), 8});
    end += 8;
  }
  buffer.data = frame.chunks ? end : image;
  buffer.filled = frame.incomplete ? image / 2 : std::min(buffer.data, buffer.size);
  write_stamp(frame, monotonic_ns(), buffer.base, buffer.size);
}

}  // namespace rig
