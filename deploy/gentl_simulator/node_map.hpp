// The GenApi descriptions that the cameras and the modules above them publish.
#pragma once
#include <string>

namespace rig {

struct Settings;

std::string camera_description(const Settings &settings);
// A description with one feature, the module's id.
std::string module_description(const std::string &model, const std::string &id_feature);

}  // namespace rig
