// GenTL: the event that tells of a new buffer.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "answers.hpp"

using gentl::Handle;
using namespace rig;

GENTL_API GCRegisterEvent(Handle source, int32_t kind, Handle *event) {
  if (int32_t status = check_library()) return status;
  Camera *camera = camera_of(source, ModuleKind::STREAM);
  if (!camera || kind != gentl::EVENT_NEW_BUFFER) return fail(gentl::NOT_IMPLEMENTED, "only new-buffer events");
  REQUIRE_POINTER(event);
  std::lock_guard<std::mutex> lock(camera->mutex);
  if (camera->stream.registered) return fail(gentl::RESOURCE_IN_USE, "the event is registered already");
  camera->stream.registered = true;
  camera->stream.kills = 0;
  *event = &camera->event;
  return gentl::SUCCESS;
}

GENTL_API GCUnregisterEvent(Handle source, int32_t kind) {
  if (int32_t status = check_library()) return status;
  Camera *camera = camera_of(source, ModuleKind::STREAM);
  if (!camera || kind != gentl::EVENT_NEW_BUFFER) return fail(gentl::NOT_IMPLEMENTED, "only new-buffer events");
  std::lock_guard<std::mutex> lock(camera->mutex);
  camera->stream.registered = false;
  camera->changed.notify_all();
  return gentl::SUCCESS;
}

GENTL_API EventGetData(Handle event, void *data, size_t *size, uint64_t timeout_ms) {
  REQUIRE(event, EVENT);
  REQUIRE_POINTER(data && size);
  if (*size < sizeof(gentl::NewBufferEvent)) return fail(gentl::BUFFER_TOO_SMALL, "needs two pointers");
  Camera &camera = *camera_of(event, ModuleKind::EVENT);
  Stream &stream = camera.stream;
  std::unique_lock<std::mutex> lock(camera.mutex);
  auto ready = [&] { return !stream.output.empty() || stream.kills > 0 || !stream.registered; };
  // A day stands for "for ever": later times overflow in some clocks.
  auto patience = std::chrono::milliseconds(std::min<uint64_t>(timeout_ms, 86400000));
  while (!camera.changed.wait_for(lock, patience, ready))
    if (timeout_ms != gentl::INFINITE) return fail(gentl::TIMEOUT, "no new buffer in time");
  if (!stream.registered) return fail(gentl::INVALID_HANDLE, "the event was unregistered");
  if (stream.kills > 0) {
    stream.kills--;
    return fail(gentl::ABORT, "the wait was ended by EventKill");
  }
  Buffer *buffer = stream.output.front();
  stream.output.pop_front();
  buffer->state = BufferState::IDLE;
  gentl::NewBufferEvent told{buffer, buffer->user};
  std::memcpy(data, &told, sizeof told);
  *size = sizeof told;
  return gentl::SUCCESS;
}

GENTL_API EventGetDataInfo(Handle event, const void *told, size_t told_size, int32_t command, int32_t *type,
                           void *data, size_t *size) {
  REQUIRE(event, EVENT);
  if (told == nullptr || told_size < sizeof(gentl::NewBufferEvent)) return fail(gentl::INVALID_PARAMETER, "event data");
  gentl::NewBufferEvent copy;
  std::memcpy(&copy, told, sizeof copy);
  if (command == gentl::EVENT_DATA_ID) return give<void *>(gentl::POINTER, copy.buffer, type, data, size);
  if (command == gentl::EVENT_DATA_VALUE) return give<void *>(gentl::POINTER, copy.user, type, data, size);
  return fail(gentl::NOT_AVAILABLE, "no such information in the event");
}

GENTL_API EventGetInfo(Handle event, int32_t command, int32_t *type, void *data, size_t *size) {
  REQUIRE(event, EVENT);
  Camera &camera = *camera_of(event, ModuleKind::EVENT);
  std::lock_guard<std::mutex> lock(camera.mutex);
  switch (command) {
    case gentl::EVENT_EVENT_TYPE:
      return give<int32_t>(gentl::INT32, gentl::EVENT_NEW_BUFFER, type, data, size);
    case gentl::EVENT_NUM_IN_QUEUE:
      return give<size_t>(gentl::SIZET, camera.stream.output.size(), type, data, size);
    case gentl::EVENT_NUM_FIRED:
      return give<uint64_t>(gentl::UINT64, camera.stream.fired, type, data, size);
    case gentl::EVENT_SIZE_MAX:
    case gentl::EVENT_INFO_DATA_SIZE_MAX:
      return give<size_t>(gentl::SIZET, sizeof(gentl::NewBufferEvent), type, data, size);
  }
  return fail(gentl::NOT_AVAILABLE, "no such information about the event");
}

GENTL_API EventFlush(Handle event) {
  REQUIRE(event, EVENT);
  Camera &camera = *camera_of(event, ModuleKind::EVENT);
  std::lock_guard<std::mutex> lock(camera.mutex);
  camera.stream.flush(gentl::QUEUE_OUTPUT_DISCARD);
  return gentl::SUCCESS;
}

GENTL_API EventKill(Handle event) {
  REQUIRE(event, EVENT);
  Camera &camera = *camera_of(event, ModuleKind::EVENT);
  std::lock_guard<std::mutex> lock(camera.mutex);
  camera.stream.kills++;
  camera.changed.notify_all();
  return gentl::SUCCESS;
}
