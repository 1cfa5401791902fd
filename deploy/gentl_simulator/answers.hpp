// How GenTL functions answer: values with their types, handles that are checked, errors with a text.
#pragma once
#include <string>

#include "gentl.hpp"
#include "rig.hpp"

namespace rig {

int32_t fail(int32_t status, const std::string &text);
int32_t last_error(int32_t *status, char *text, size_t *size);

// Write a value the way GenTL asks for it: a null `data` asks for the size only.
int32_t give_bytes(int32_t type, const void *value, size_t length, int32_t *type_out, void *data, size_t *size);
int32_t give_text(const std::string &text, int32_t *type_out, void *data, size_t *size);
template <class T>
int32_t give(int32_t type, T value, int32_t *type_out, void *data, size_t *size) {
  return give_bytes(type, &value, sizeof value, type_out, data, size);
}

// The module behind a handle, null where it is none of ours or of another kind.
Module *module_of(gentl::Handle handle);
Camera *camera_of(gentl::Handle handle, ModuleKind kind);
// Text of a failed look-up; answers SUCCESS where the library is open and the handle of that kind.
int32_t check(gentl::Handle handle, ModuleKind kind);
int32_t check_library();

constexpr const char *INTERFACE_NAME = "mvmono3d_interface";
constexpr const char *STREAM_NAME = "stream0";
int32_t device_info(const Camera &camera, bool through_handle, int32_t command, int32_t *type, void *data,
                    size_t *size);
int32_t system_info(int32_t command, int32_t *type, void *data, size_t *size);

}  // namespace rig

// The head of a GenTL function: leave with the reason where the handle is not of that kind.
#define REQUIRE(handle, kind) \
  if (int32_t status_ = ::rig::check(handle, ::rig::ModuleKind::kind)) return status_
#define REQUIRE_POINTER(pointer) \
  if (!(pointer)) return ::rig::fail(gentl::INVALID_PARAMETER, #pointer " is null")
