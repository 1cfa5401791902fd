// GenTL: the devices of the interface.
#include "answers.hpp"

using gentl::Handle;
using namespace rig;

int32_t rig::device_info(const Camera &camera, bool through_handle, int32_t command, int32_t *type, void *data,
                         size_t *size) {
  auto &unlocked = const_cast<Camera &>(camera);
  std::lock_guard<std::mutex> lock(unlocked.mutex);
  bool usable = through_handle ? camera.reachable() : camera.present;
  int32_t access = !usable ? gentl::ACCESS_NONE : camera.open ? gentl::ACCESS_OPEN_READWRITE : gentl::ACCESS_READWRITE;
  switch (command) {
    case gentl::DEVICE_ID:
      return give_text(camera.id, type, data, size);
    case gentl::DEVICE_VENDOR:
      return give_text(camera.registers.text(reg::VENDOR), type, data, size);
    case gentl::DEVICE_MODEL:
      return give_text(camera.registers.text(reg::MODEL), type, data, size);
    case gentl::DEVICE_TLTYPE:
      return give_text(Rig::instance().settings.transport, type, data, size);
    case gentl::DEVICE_DISPLAYNAME:
      return give_text("MVMono3D Virtual1280M (" + camera.serial + ")", type, data, size);
    case gentl::DEVICE_ACCESS_STATUS:
      return give<int32_t>(gentl::INT32, access, type, data, size);
    case gentl::DEVICE_USER_DEFINED_NAME:
      return give_text(camera.registers.text(reg::USER_ID), type, data, size);
    case gentl::DEVICE_SERIAL_NUMBER:
      return give_text(camera.serial, type, data, size);
    case gentl::DEVICE_VERSION:
      return give_text(camera.registers.text(reg::FIRMWARE), type, data, size);
    case gentl::DEVICE_TIMESTAMP_FREQUENCY:
      return give<uint64_t>(gentl::UINT64, uint64_t(Rig::instance().settings.tick_hz), type, data, size);
  }
  return fail(gentl::NOT_AVAILABLE, "no such information about the device");
}

GENTL_API IFUpdateDeviceList(Handle interface, uint8_t *changed, uint64_t timeout_ms) {
  REQUIRE(interface, INTERFACE);
  static_cast<void>(timeout_ms);
  Rig &rig = Rig::instance();
  std::vector<Camera *> found;
  for (auto &camera : rig.cameras) {
    std::lock_guard<std::mutex> lock(camera->mutex);
    if (camera->present) found.push_back(camera.get());
  }
  std::lock_guard<std::mutex> lock(rig.library);
  if (changed) *changed = found != rig.listed;
  rig.listed = found;
  return gentl::SUCCESS;
}

GENTL_API IFGetNumDevices(Handle interface, uint32_t *count) {
  REQUIRE(interface, INTERFACE);
  REQUIRE_POINTER(count);
  std::lock_guard<std::mutex> lock(Rig::instance().library);
  *count = uint32_t(Rig::instance().listed.size());
  return gentl::SUCCESS;
}

GENTL_API IFGetDeviceID(Handle interface, uint32_t index, char *id, size_t *size) {
  REQUIRE(interface, INTERFACE);
  Rig &rig = Rig::instance();
  std::lock_guard<std::mutex> lock(rig.library);
  if (index >= rig.listed.size()) return fail(gentl::INVALID_INDEX, "no device with this index");
  return give_text(rig.listed[index]->id, nullptr, id, size);
}

static Camera *named(const char *id) { return id == nullptr ? nullptr : Rig::instance().by_id(id); }

GENTL_API IFGetDeviceInfo(Handle interface, const char *id, int32_t command, int32_t *type, void *data,
                          size_t *size) {
  REQUIRE(interface, INTERFACE);
  Camera *camera = named(id);
  if (!camera) return fail(gentl::INVALID_ID, "no device of this id");
  return device_info(*camera, false, command, type, data, size);
}

GENTL_API IFOpenDevice(Handle interface, const char *id, int32_t access, Handle *device) {
  REQUIRE(interface, INTERFACE);
  REQUIRE_POINTER(device);
  static_cast<void>(access);
  Camera *camera = named(id);
  if (!camera) return fail(gentl::INVALID_ID, "no device of this id");
  std::lock_guard<std::mutex> lock(camera->mutex);
  if (!camera->present) return fail(gentl::IO, "the device does not answer");
  if (camera->open) return fail(gentl::RESOURCE_IN_USE, "the device is open already");
  camera->open = true;
  *device = &camera->device;
  return gentl::SUCCESS;
}

GENTL_API DevClose(Handle device) {
  REQUIRE(device, DEVICE);
  Camera &camera = *camera_of(device, ModuleKind::DEVICE);
  std::unique_lock<std::mutex> lock(camera.mutex);
  camera.close_stream(lock);
  camera.close();
  return gentl::SUCCESS;
}

GENTL_API DevGetInfo(Handle device, int32_t command, int32_t *type, void *data, size_t *size) {
  REQUIRE(device, DEVICE);
  return device_info(*camera_of(device, ModuleKind::DEVICE), true, command, type, data, size);
}

GENTL_API DevGetPort(Handle device, Handle *port) {
  REQUIRE(device, DEVICE);
  REQUIRE_POINTER(port);
  *port = &camera_of(device, ModuleKind::DEVICE)->port;
  return gentl::SUCCESS;
}

GENTL_API DevGetParentIF(Handle device, Handle *interface) {
  REQUIRE(device, DEVICE);
  REQUIRE_POINTER(interface);
  *interface = &Rig::instance().interface;
  return gentl::SUCCESS;
}

GENTL_API DevGetNumDataStreams(Handle device, uint32_t *count) {
  REQUIRE(device, DEVICE);
  REQUIRE_POINTER(count);
  *count = 1;
  return gentl::SUCCESS;
}

GENTL_API DevGetDataStreamID(Handle device, uint32_t index, char *id, size_t *size) {
  REQUIRE(device, DEVICE);
  return index == 0 ? give_text(STREAM_NAME, nullptr, id, size)
                    : fail(gentl::INVALID_INDEX, "a device has one stream");
}

GENTL_API DevOpenDataStream(Handle device, const char *id, Handle *stream) {
  REQUIRE(device, DEVICE);
  REQUIRE_POINTER(stream);
  if (id == nullptr || std::string(id) != STREAM_NAME) return fail(gentl::INVALID_ID, "no stream of this id");
  Camera &camera = *camera_of(device, ModuleKind::DEVICE);
  std::lock_guard<std::mutex> lock(camera.mutex);
  if (camera.stream.open) return fail(gentl::RESOURCE_IN_USE, "the stream is open already");
  camera.stream.open = true;
  *stream = &camera.data_stream;
  return gentl::SUCCESS;
}
