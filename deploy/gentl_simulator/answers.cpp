#include "answers.hpp"

#include <cstring>

namespace rig {
namespace {

thread_local int32_t status_of_thread = gentl::SUCCESS;
thread_local std::string text_of_thread = "no error";

}  // namespace

int32_t fail(int32_t status, const std::string &text) {
  status_of_thread = status;
  text_of_thread = text;
  return status;
}

int32_t last_error(int32_t *status, char *text, size_t *size) {
  if (status) *status = status_of_thread;
  int32_t type;
  std::string copy = text_of_thread;
  return give_text(copy, &type, text, size);
}

int32_t give_bytes(int32_t type, const void *value, size_t length, int32_t *type_out, void *data, size_t *size) {
  if (size == nullptr) return fail(gentl::INVALID_PARAMETER, "the pointer to the size is null");
  if (type_out) *type_out = type;
  if (data) {
    if (*size < length) return fail(gentl::BUFFER_TOO_SMALL, "needs " + std::to_string(length) + " bytes");
    std::memcpy(data, value, length);
  }
  *size = length;
  return gentl::SUCCESS;
}

int32_t give_text(const std::string &text, int32_t *type_out, void *data, size_t *size) {
  return give_bytes(gentl::STRING, text.c_str(), text.size() + 1, type_out, data, size);
}

Module *module_of(gentl::Handle handle) {
  Rig &rig = Rig::instance();
  for (Module *module : {&rig.system, &rig.interface})
    if (module == handle) return module;
  for (auto &camera : rig.cameras)
    for (Module *module : {&camera->device, &camera->port, &camera->data_stream, &camera->event})
      if (module == handle) return module;
  return nullptr;
}

Camera *camera_of(gentl::Handle handle, ModuleKind kind) {
  Module *module = module_of(handle);
  return module != nullptr && module->kind == kind ? module->camera : nullptr;
}

int32_t check_library() {
  Rig &rig = Rig::instance();
  std::lock_guard<std::mutex> lock(rig.library);
  return rig.initialized ? int32_t(gentl::SUCCESS) : fail(gentl::NOT_INITIALIZED, "GCInitLib was not called");
}

int32_t check(gentl::Handle handle, ModuleKind kind) {
  if (int32_t status = check_library()) return status;
  Module *module = module_of(handle);
  if (module != nullptr && module->kind == kind) return gentl::SUCCESS;
  return fail(gentl::INVALID_HANDLE, "this handle is of another kind or of nobody");
}

}  // namespace rig
