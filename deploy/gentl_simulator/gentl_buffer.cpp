// GenTL: what came with a buffer.
#include <algorithm>

#include "answers.hpp"

using gentl::Handle;
using namespace rig;

namespace {

struct Answer {
  int32_t *type;
  void *data;
  size_t *size;
  int32_t length(size_t value) const { return give<size_t>(gentl::SIZET, value, type, data, size); }
  int32_t count(uint64_t value) const { return give<uint64_t>(gentl::UINT64, value, type, data, size); }
  int32_t flag(bool value) const { return give<uint8_t>(gentl::BOOL8, value, type, data, size); }
  int32_t pointer(void *value) const { return give<void *>(gentl::POINTER, value, type, data, size); }
};

constexpr int32_t ELSEWHERE = 1;  // no GenTL status is positive

int32_t state_of(Buffer &buffer, int32_t command, const Answer &answer) {
  switch (command) {
    case gentl::BUFFER_BASE:
      return answer.pointer(buffer.base);
    case gentl::BUFFER_SIZE:
      return answer.length(buffer.size);
    case gentl::BUFFER_USER_PTR:
      return answer.pointer(buffer.user);
    case gentl::BUFFER_NEW_DATA: {
      bool fresh = buffer.fresh;
      if (answer.data) buffer.fresh = false;
      return answer.flag(fresh);
    }
    case gentl::BUFFER_IS_QUEUED:
      return answer.flag(buffer.state == BufferState::INPUT || buffer.state == BufferState::OUTPUT);
    case gentl::BUFFER_IS_ACQUIRING:
      return answer.flag(buffer.state == BufferState::FILLING);
    case gentl::BUFFER_TLTYPE:
      return give_text(Rig::instance().settings.transport, answer.type, answer.data, answer.size);
  }
  return ELSEWHERE;
}

int32_t image_of(const Buffer &buffer, int32_t command, const Answer &answer) {
  const Frame &frame = buffer.frame;
  switch (command) {
    case gentl::BUFFER_WIDTH:
      return answer.length(frame.width);
    case gentl::BUFFER_HEIGHT:
      return answer.length(frame.height);
    case gentl::BUFFER_DELIVERED_IMAGEHEIGHT:
      return answer.length(frame.incomplete ? frame.height / 2 : frame.height);
    case gentl::BUFFER_XOFFSET:
      return answer.length(frame.x);
    case gentl::BUFFER_YOFFSET:
      return answer.length(frame.y);
    case gentl::BUFFER_XPADDING:
    case gentl::BUFFER_YPADDING:
    case gentl::BUFFER_IMAGEOFFSET:
      return answer.length(0);
    case gentl::BUFFER_IMAGEPRESENT:
      return answer.flag(true);
    case gentl::BUFFER_PAYLOADTYPE:
      return answer.length(gentl::PAYLOAD_IMAGE);
    case gentl::BUFFER_PIXELFORMAT:
      return answer.count(frame.format);
    case gentl::BUFFER_PIXELFORMAT_NAMESPACE:
      return answer.count(gentl::NAMESPACE_PFNC_32BIT);
    case gentl::BUFFER_PIXEL_ENDIANNESS:
      return give<int32_t>(gentl::INT32, gentl::LITTLE_ENDIAN_PIXELS, answer.type, answer.data, answer.size);
  }
  return ELSEWHERE;
}

int32_t frame_of(const Buffer &buffer, int32_t command, const Answer &answer) {
  const Frame &frame = buffer.frame;
  switch (command) {
    case gentl::BUFFER_TIMESTAMP:
      return answer.count(frame.timestamp);
    case gentl::BUFFER_TIMESTAMP_NS:
      if (Rig::instance().settings.tick_hz != 1e9) return fail(gentl::NOT_AVAILABLE, "timestamps are ticks");
      return answer.count(frame.timestamp);
    case gentl::BUFFER_FRAMEID:
      return answer.count(frame.frame_id);
    case gentl::BUFFER_IS_INCOMPLETE:
      return answer.flag(frame.incomplete);
    case gentl::BUFFER_SIZE_FILLED:
      return answer.length(buffer.filled);
    case gentl::BUFFER_DATA_SIZE:
      return answer.length(buffer.data);
    case gentl::BUFFER_DATA_LARGER_THAN_BUFFER:
      return answer.flag(buffer.data > buffer.size);
    case gentl::BUFFER_CONTAINS_CHUNKDATA:
      return answer.flag(!buffer.chunks.empty());
    case gentl::BUFFER_DELIVERED_CHUNKPAYLOADSIZE:
      return answer.length(8 * buffer.chunks.size());
    case gentl::BUFFER_CHUNKLAYOUTID:
      return answer.count(frame.chunks);
  }
  return ELSEWHERE;
}

}  // namespace

GENTL_API DSGetBufferInfo(Handle stream, Handle handle, int32_t command, int32_t *type, void *data, size_t *size) {
  REQUIRE(stream, STREAM);
  Camera &camera = *camera_of(stream, ModuleKind::STREAM);
  std::lock_guard<std::mutex> lock(camera.mutex);
  Buffer *buffer = camera.stream.find(handle);
  if (!buffer) return fail(gentl::INVALID_HANDLE, "this buffer is not announced");
  Answer answer{type, data, size};
  int32_t status = state_of(*buffer, command, answer);
  if (status != ELSEWHERE) return status;
  if (buffer->state == BufferState::FILLING) return fail(gentl::BUSY, "the buffer is being filled");
  status = image_of(*buffer, command, answer);
  if (status == ELSEWHERE) status = frame_of(*buffer, command, answer);
  return status == ELSEWHERE ? fail(gentl::NOT_AVAILABLE, "no such information about the buffer") : status;
}

GENTL_API DSGetBufferChunkData(Handle stream, Handle handle, gentl::Chunk *chunks, size_t *count) {
  REQUIRE(stream, STREAM);
  REQUIRE_POINTER(count);
  Camera &camera = *camera_of(stream, ModuleKind::STREAM);
  std::lock_guard<std::mutex> lock(camera.mutex);
  Buffer *buffer = camera.stream.find(handle);
  if (!buffer) return fail(gentl::INVALID_HANDLE, "this buffer is not announced");
  size_t found = buffer->chunks.size();
  if (chunks && *count < found) return fail(gentl::BUFFER_TOO_SMALL, "more chunks than room");
  if (chunks) std::copy(buffer->chunks.begin(), buffer->chunks.end(), chunks);
  *count = found;
  return gentl::SUCCESS;
}

GENTL_API DSGetNumBufferParts(Handle stream, Handle, uint32_t *) {
  REQUIRE(stream, STREAM);
  return fail(gentl::NO_DATA, "these cameras send one part");
}

GENTL_API DSGetBufferPartInfo(Handle stream, Handle, uint32_t, int32_t, int32_t *, void *, size_t *) {
  REQUIRE(stream, STREAM);
  return fail(gentl::NO_DATA, "these cameras send one part");
}
