// GenTL: buffers and acquisition.
#include <iterator>

#include "answers.hpp"

using gentl::Handle;
using namespace rig;

namespace {

struct Locked {
  explicit Locked(Handle handle)
      : camera(*camera_of(handle, ModuleKind::STREAM)), stream(camera.stream), lock(camera.mutex) {}
  Camera &camera;
  Stream &stream;
  std::unique_lock<std::mutex> lock;
};

int32_t no_buffer() { return fail(gentl::INVALID_HANDLE, "this buffer is not announced"); }

int32_t announce(Handle handle, void *base, size_t size, void *user, Handle *buffer) {
  if (size == 0) return fail(gentl::INVALID_PARAMETER, "a buffer needs room");
  Locked locked(handle);
  *buffer = locked.stream.announce(base, size, user);
  return *buffer ? int32_t(gentl::SUCCESS) : fail(gentl::ERROR, "no memory for the buffer");
}

}  // namespace

GENTL_API DSAnnounceBuffer(Handle stream, void *base, size_t size, void *user, Handle *buffer) {
  REQUIRE(stream, STREAM);
  REQUIRE_POINTER(base && buffer);
  return announce(stream, base, size, user, buffer);
}

GENTL_API DSAllocAndAnnounceBuffer(Handle stream, size_t size, void *user, Handle *buffer) {
  REQUIRE(stream, STREAM);
  REQUIRE_POINTER(buffer);
  return announce(stream, nullptr, size, user, buffer);
}

GENTL_API DSRevokeBuffer(Handle stream, Handle handle, void **base, void **user) {
  REQUIRE(stream, STREAM);
  Locked locked(stream);
  Buffer *buffer = locked.stream.find(handle);
  if (!buffer) return no_buffer();
  int32_t status = locked.stream.revoke(buffer, base, user);
  return status ? fail(status, "the buffer is being filled") : status;
}

GENTL_API DSQueueBuffer(Handle stream, Handle handle) {
  REQUIRE(stream, STREAM);
  Locked locked(stream);
  Buffer *buffer = locked.stream.find(handle);
  if (!buffer) return no_buffer();
  int32_t status = locked.stream.queue(buffer);
  return status ? fail(status, "the buffer is queued already") : status;
}

GENTL_API DSFlushQueue(Handle stream, int32_t operation) {
  REQUIRE(stream, STREAM);
  Locked locked(stream);
  int32_t status = locked.stream.flush(operation);
  locked.camera.changed.notify_all();
  return status ? fail(status, "no such queue operation") : status;
}

GENTL_API DSStartAcquisition(Handle stream, int32_t flags, uint64_t frames) {
  REQUIRE(stream, STREAM);
  static_cast<void>(flags);
  static_cast<void>(frames);
  Locked locked(stream);
  if (locked.stream.grabbing) return fail(gentl::RESOURCE_IN_USE, "the stream runs already");
  locked.stream.start();
  return gentl::SUCCESS;
}

GENTL_API DSStopAcquisition(Handle stream, int32_t flags) {
  REQUIRE(stream, STREAM);
  static_cast<void>(flags);
  Locked locked(stream);
  locked.stream.grabbing = false;
  // Afterwards the consumer may free its memory.
  locked.camera.changed.wait(locked.lock, [&] { return !locked.stream.filling(); });
  return gentl::SUCCESS;
}

GENTL_API DSClose(Handle stream) {
  REQUIRE(stream, STREAM);
  Locked locked(stream);
  locked.camera.close_stream(locked.lock);
  return gentl::SUCCESS;
}

GENTL_API DSGetBufferID(Handle stream, uint32_t index, Handle *buffer) {
  REQUIRE(stream, STREAM);
  REQUIRE_POINTER(buffer);
  Locked locked(stream);
  if (index >= locked.stream.buffers.size()) return fail(gentl::INVALID_INDEX, "no buffer with this index");
  *buffer = &*std::next(locked.stream.buffers.begin(), index);
  return gentl::SUCCESS;
}

GENTL_API DSGetParentDev(Handle stream, Handle *device) {
  REQUIRE(stream, STREAM);
  REQUIRE_POINTER(device);
  *device = &camera_of(stream, ModuleKind::STREAM)->device;
  return gentl::SUCCESS;
}

GENTL_API DSGetInfo(Handle handle, int32_t command, int32_t *type, void *data, size_t *size) {
  REQUIRE(handle, STREAM);
  Locked locked(handle);
  Stream &stream = locked.stream;
  auto count = [&](uint64_t value) { return give<uint64_t>(gentl::UINT64, value, type, data, size); };
  auto length = [&](size_t value) { return give<size_t>(gentl::SIZET, value, type, data, size); };
  auto flag = [&](bool value) { return give<uint8_t>(gentl::BOOL8, value, type, data, size); };
  switch (command) {
    case gentl::STREAM_ID:
      return give_text(STREAM_NAME, type, data, size);
    case gentl::STREAM_NUM_DELIVERED:
      return count(stream.delivered);
    case gentl::STREAM_NUM_UNDERRUN:
      return count(stream.underrun);
    case gentl::STREAM_NUM_STARTED:
      return count(stream.started);
    case gentl::STREAM_NUM_ANNOUNCED:
      return length(stream.buffers.size());
    case gentl::STREAM_NUM_QUEUED:
      return length(stream.input.size());
    case gentl::STREAM_NUM_AWAIT_DELIVERY:
      return length(stream.output.size());
    case gentl::STREAM_PAYLOAD_SIZE:
      return length(locked.camera.registers.get(reg::PAYLOAD_SIZE));
    case gentl::STREAM_IS_GRABBING:
      return flag(stream.grabbing);
    case gentl::STREAM_DEFINES_PAYLOADSIZE:
      return flag(true);
    case gentl::STREAM_TLTYPE:
      return give_text(Rig::instance().settings.transport, type, data, size);
    case gentl::STREAM_NUM_CHUNKS_MAX:
      return length(CHUNKS);
    case gentl::STREAM_BUF_ANNOUNCE_MIN:
    case gentl::STREAM_BUF_ALIGNMENT:
      return length(1);
  }
  return fail(gentl::NOT_AVAILABLE, "no such information about the stream");
}
