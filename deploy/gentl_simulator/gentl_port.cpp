// GenTL: ports, through which node maps read and write registers, and fetch their own description.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "answers.hpp"

using gentl::Handle;
using namespace rig;

namespace {

struct Port {
  const char *file;
  const char *module;
  const std::string *description;
  std::string id;
};

bool port_of(Handle handle, Port *port) {
  Rig &rig = Rig::instance();
  Module *module = module_of(handle);
  if (!module) return false;
  switch (module->kind) {
    case ModuleKind::SYSTEM:
      *port = {"mvmono3d_system.xml", "TLSystem", &rig.system_xml, "mvmono3d_system"};
      return true;
    case ModuleKind::INTERFACE:
      *port = {"mvmono3d_interface.xml", "TLInterface", &rig.interface_xml, INTERFACE_NAME};
      return true;
    case ModuleKind::DEVICE:
      *port = {"mvmono3d_device.xml", "TLDevice", &rig.device_xml, module->camera->id};
      return true;
    case ModuleKind::CAMERA:
      *port = {"mvmono3d_camera.xml", "Device", &rig.camera_xml, module->camera->id};
      return true;
    case ModuleKind::STREAM:
      *port = {"mvmono3d_stream.xml", "TLDataStream", &rig.stream_xml, STREAM_NAME};
      return true;
    default:
      return false;
  }
}

int32_t no_port() { return fail(gentl::INVALID_HANDLE, "this handle is no port"); }

// A part of a text, zeros behind its end.
void copy_text(const std::string &text, uint64_t from, void *data, size_t size) {
  std::memset(data, 0, size);
  if (from < text.size()) std::memcpy(data, text.data() + from, std::min<size_t>(size, text.size() - from));
}

int32_t read_port(Handle handle, uint64_t address, void *data, size_t size) {
  Port port;
  if (!port_of(handle, &port)) return no_port();
  if (data == nullptr) return fail(gentl::INVALID_PARAMETER, "data is null");
  if (address >= reg::DESCRIPTION) {
    if (address - reg::DESCRIPTION >= port.description->size()) return fail(gentl::INVALID_ADDRESS, "behind the end");
    copy_text(*port.description, address - reg::DESCRIPTION, data, size);
    return gentl::SUCCESS;
  }
  if (Camera *camera = camera_of(handle, ModuleKind::CAMERA)) {
    int32_t status = camera->read(address, data, size);
    return status ? fail(status, status == gentl::IO ? "the device does not answer" : "no register there") : status;
  }
  copy_text(port.id, address, data, size);
  return gentl::SUCCESS;
}

int32_t write_port(Handle handle, uint64_t address, const void *data, size_t size) {
  if (data == nullptr) return fail(gentl::INVALID_PARAMETER, "data is null");
  Camera *camera = camera_of(handle, ModuleKind::CAMERA);
  if (!camera) return module_of(handle) ? fail(gentl::ACCESS_DENIED, "this port can only be read") : no_port();
  Camera::Request request;
  if (int32_t status = camera->write(address, data, size, &request))
    return fail(status, status == gentl::IO     ? "the device does not answer"
                        : status == gentl::BUSY ? "fixed while images stream"
                                                : "this register does not take that value");
  if (request.software_trigger) Rig::instance().software_trigger(*camera);
  if (request.free_run) Rig::instance().free_run(*camera, request.run);
  return gentl::SUCCESS;
}

std::string url_of(const Port &port) {
  char place[64];
  std::snprintf(place, sizeof place, ";%llX;%zX", static_cast<unsigned long long>(reg::DESCRIPTION),
                port.description->size());
  return std::string("Local:") + port.file + place;
}

}  // namespace

GENTL_API GCReadPort(Handle port, uint64_t address, void *data, size_t *size) {
  if (int32_t status = check_library()) return status;
  REQUIRE_POINTER(size);
  return read_port(port, address, data, *size);
}

GENTL_API GCWritePort(Handle port, uint64_t address, const void *data, size_t *size) {
  if (int32_t status = check_library()) return status;
  REQUIRE_POINTER(size);
  return write_port(port, address, data, *size);
}

GENTL_API GCReadPortStacked(Handle port, gentl::PortEntry *entries, size_t *count) {
  if (int32_t status = check_library()) return status;
  REQUIRE_POINTER(entries && count);
  for (size_t i = 0; i < *count; i++)
    if (int32_t status = read_port(port, entries[i].address, entries[i].data, entries[i].size)) {
      *count = i;
      return status;
    }
  return gentl::SUCCESS;
}

GENTL_API GCWritePortStacked(Handle port, gentl::PortEntry *entries, size_t *count) {
  if (int32_t status = check_library()) return status;
  REQUIRE_POINTER(entries && count);
  for (size_t i = 0; i < *count; i++)
    if (int32_t status = write_port(port, entries[i].address, entries[i].data, entries[i].size)) {
      *count = i;
      return status;
    }
  return gentl::SUCCESS;
}

GENTL_API GCGetPortInfo(Handle handle, int32_t command, int32_t *type, void *data, size_t *size) {
  if (int32_t status = check_library()) return status;
  Port port;
  if (!port_of(handle, &port)) return no_port();
  auto flag = [&](bool value) { return give<uint8_t>(gentl::BOOL8, value, type, data, size); };
  bool writable = camera_of(handle, ModuleKind::CAMERA) != nullptr;
  switch (command) {
    case gentl::PORT_ID:
      return give_text(port.id, type, data, size);
    case gentl::PORT_VENDOR:
      return give_text("MVMono3D", type, data, size);
    case gentl::PORT_MODEL:
      return give_text("gentl_simulator", type, data, size);
    case gentl::PORT_TLTYPE:
      return give_text(Rig::instance().settings.transport, type, data, size);
    case gentl::PORT_MODULE:
      return give_text(port.module, type, data, size);
    case gentl::PORT_LITTLE_ENDIAN:
    case gentl::PORT_ACCESS_READ:
      return flag(true);
    case gentl::PORT_ACCESS_WRITE:
      return flag(writable);
    case gentl::PORT_BIG_ENDIAN:
    case gentl::PORT_ACCESS_NA:
    case gentl::PORT_ACCESS_NI:
      return flag(false);
    case gentl::PORT_VERSION:
      return give_text("1.0.0", type, data, size);
    case gentl::PORT_PORTNAME:
      return give_text("Device", type, data, size);
  }
  return fail(gentl::NOT_AVAILABLE, "no such information about the port");
}

GENTL_API GCGetPortURL(Handle handle, char *url, size_t *size) {
  if (int32_t status = check_library()) return status;
  Port port;
  return port_of(handle, &port) ? give_text(url_of(port), nullptr, url, size) : no_port();
}

GENTL_API GCGetNumPortURLs(Handle handle, uint32_t *count) {
  if (int32_t status = check_library()) return status;
  REQUIRE_POINTER(count);
  if (!module_of(handle)) return no_port();
  *count = 1;
  return gentl::SUCCESS;
}

GENTL_API GCGetPortURLInfo(Handle handle, uint32_t index, int32_t command, int32_t *type, void *data, size_t *size) {
  if (int32_t status = check_library()) return status;
  Port port;
  if (!port_of(handle, &port)) return no_port();
  if (index != 0) return fail(gentl::INVALID_INDEX, "a port has one description");
  switch (command) {
    case gentl::URL_URL:
      return give_text(url_of(port), type, data, size);
    case gentl::URL_SCHEMA_VER_MAJOR:
    case gentl::URL_SCHEMA_VER_MINOR:
    case gentl::URL_FILE_VER_MAJOR:
      return give<int32_t>(gentl::INT32, 1, type, data, size);
    case gentl::URL_FILE_VER_MINOR:
    case gentl::URL_FILE_VER_SUBMINOR:
    case gentl::URL_SCHEME:
      return give<int32_t>(gentl::INT32, 0, type, data, size);
    case gentl::URL_FILE_REGISTER_ADDRESS:
      return give<uint64_t>(gentl::UINT64, reg::DESCRIPTION, type, data, size);
    case gentl::URL_FILE_SIZE:
      return give<uint64_t>(gentl::UINT64, port.description->size(), type, data, size);
    case gentl::URL_FILENAME:
      return give_text(port.file, type, data, size);
  }
  return fail(gentl::NOT_AVAILABLE, "no such information about the description");
}
