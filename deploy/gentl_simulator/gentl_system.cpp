// GenTL: the library, its one transport layer, and its one interface.
#include "answers.hpp"

using gentl::Handle;
using namespace rig;

int32_t rig::system_info(int32_t command, int32_t *type, void *data, size_t *size) {
  const std::string &transport = Rig::instance().settings.transport;
  switch (command) {
    case gentl::TL_ID:
      return give_text("mvmono3d_system", type, data, size);
    case gentl::TL_VENDOR:
      return give_text("MVMono3D", type, data, size);
    case gentl::TL_MODEL:
      return give_text("gentl_simulator", type, data, size);
    case gentl::TL_VERSION:
      return give_text("1.0.0", type, data, size);
    case gentl::TL_TLTYPE:
      return give_text(transport, type, data, size);
    case gentl::TL_NAME:
    case gentl::TL_PATHNAME:
      return give_text("mvmono3d_rig.cti", type, data, size);
    case gentl::TL_DISPLAYNAME:
      return give_text("MVMono3D simulated rig", type, data, size);
    case gentl::TL_CHAR_ENCODING:
      return give<int32_t>(gentl::INT32, 1, type, data, size);
    case gentl::TL_GENTL_VER_MAJOR:
      return give<uint32_t>(gentl::UINT32, 1, type, data, size);
    case gentl::TL_GENTL_VER_MINOR:
      return give<uint32_t>(gentl::UINT32, 5, type, data, size);
  }
  return fail(gentl::NOT_AVAILABLE, "no such information about the system");
}

static int32_t interface_info(int32_t command, int32_t *type, void *data, size_t *size) {
  switch (command) {
    case gentl::INTERFACE_ID:
      return give_text(INTERFACE_NAME, type, data, size);
    case gentl::INTERFACE_DISPLAYNAME:
      return give_text("MVMono3D simulated interface", type, data, size);
    case gentl::INTERFACE_TLTYPE:
      return give_text(Rig::instance().settings.transport, type, data, size);
  }
  return fail(gentl::NOT_AVAILABLE, "no such information about the interface");
}

static int32_t check_name(const char *given, const char *name) {
  if (given != nullptr && std::string(given) == name) return gentl::SUCCESS;
  return fail(gentl::INVALID_ID, std::string("expected the id ") + name);
}

GENTL_API GCInitLib() {
  Rig &rig = Rig::instance();
  std::lock_guard<std::mutex> lock(rig.library);
  if (!rig.problem.empty()) return fail(gentl::ERROR, rig.problem);
  if (rig.initialized) return fail(gentl::RESOURCE_IN_USE, "the library is open already");
  rig.open_library();
  return gentl::SUCCESS;
}

GENTL_API GCCloseLib() {
  if (int32_t status = check_library()) return status;
  Rig &rig = Rig::instance();
  std::lock_guard<std::mutex> lock(rig.library);
  rig.close_library();
  return gentl::SUCCESS;
}

GENTL_API GCGetInfo(int32_t command, int32_t *type, void *data, size_t *size) {
  return system_info(command, type, data, size);
}

GENTL_API GCGetLastError(int32_t *status, char *text, size_t *size) { return last_error(status, text, size); }

GENTL_API TLOpen(Handle *system) {
  if (int32_t status = check_library()) return status;
  REQUIRE_POINTER(system);
  Rig &rig = Rig::instance();
  std::lock_guard<std::mutex> lock(rig.library);
  if (rig.system_open) return fail(gentl::RESOURCE_IN_USE, "the system is open already");
  rig.system_open = true;
  *system = &rig.system;
  return gentl::SUCCESS;
}

GENTL_API TLClose(Handle system) {
  REQUIRE(system, SYSTEM);
  Rig &rig = Rig::instance();
  std::lock_guard<std::mutex> lock(rig.library);
  rig.system_open = rig.interface_open = false;
  return gentl::SUCCESS;
}

GENTL_API TLGetInfo(Handle system, int32_t command, int32_t *type, void *data, size_t *size) {
  REQUIRE(system, SYSTEM);
  return system_info(command, type, data, size);
}

GENTL_API TLGetNumInterfaces(Handle system, uint32_t *count) {
  REQUIRE(system, SYSTEM);
  REQUIRE_POINTER(count);
  *count = 1;
  return gentl::SUCCESS;
}

GENTL_API TLGetInterfaceID(Handle system, uint32_t index, char *id, size_t *size) {
  REQUIRE(system, SYSTEM);
  return index == 0 ? give_text(INTERFACE_NAME, nullptr, id, size)
                    : fail(gentl::INVALID_INDEX, "there is one interface");
}

GENTL_API TLGetInterfaceInfo(Handle system, const char *id, int32_t command, int32_t *type, void *data,
                             size_t *size) {
  REQUIRE(system, SYSTEM);
  if (int32_t status = check_name(id, INTERFACE_NAME)) return status;
  return interface_info(command, type, data, size);
}

GENTL_API TLOpenInterface(Handle system, const char *id, Handle *interface) {
  REQUIRE(system, SYSTEM);
  REQUIRE_POINTER(interface);
  if (int32_t status = check_name(id, INTERFACE_NAME)) return status;
  Rig &rig = Rig::instance();
  std::lock_guard<std::mutex> lock(rig.library);
  if (rig.interface_open) return fail(gentl::RESOURCE_IN_USE, "the interface is open already");
  rig.interface_open = true;
  *interface = &rig.interface;
  return gentl::SUCCESS;
}

GENTL_API TLUpdateInterfaceList(Handle system, uint8_t *changed, uint64_t timeout_ms) {
  REQUIRE(system, SYSTEM);
  static_cast<void>(timeout_ms);
  if (changed) *changed = 0;
  return gentl::SUCCESS;
}

GENTL_API IFClose(Handle interface) {
  REQUIRE(interface, INTERFACE);
  Rig &rig = Rig::instance();
  std::lock_guard<std::mutex> lock(rig.library);
  rig.interface_open = false;
  return gentl::SUCCESS;
}

GENTL_API IFGetInfo(Handle interface, int32_t command, int32_t *type, void *data, size_t *size) {
  REQUIRE(interface, INTERFACE);
  return interface_info(command, type, data, size);
}

GENTL_API IFGetParentTL(Handle interface, Handle *system) {
  REQUIRE(interface, INTERFACE);
  REQUIRE_POINTER(system);
  *system = &Rig::instance().system;
  return gentl::SUCCESS;
}
