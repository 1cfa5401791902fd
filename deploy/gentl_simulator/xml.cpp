#include "xml.hpp"

#include <cstdio>

namespace rig {
namespace {

std::string hex(uint64_t value, const char *prefix = "0x") {
  char text[32];
  std::snprintf(text, sizeof text, "%s%llX", prefix, static_cast<unsigned long long>(value));
  return text;
}

std::string element(const std::string &tag, const std::string &content) {
  return "<" + tag + ">" + content + "</" + tag + ">";
}

std::string named(const std::string &tag, const std::string &name, const std::string &content) {
  return "<" + tag + " Name=\"" + name + "\">" + content + "</" + tag + ">\n";
}

const char *LITTLE = "<Sign>Unsigned</Sign><Endianess>LittleEndian</Endianess>";
const char *LITTLE_SIGNED = "<Sign>Signed</Sign><Endianess>LittleEndian</Endianess>";
const char *LITTLE_FLOAT = "<Endianess>LittleEndian</Endianess>";

}  // namespace

bool Description::begin(const Field &field, std::string *name) {
  auto renamed = renamed_.find(field.name);
  *name = renamed == renamed_.end() ? field.name : renamed->second;
  if (name->empty()) return false;
  features_ += element("pFeature", *name);
  return true;
}

std::string Description::lock(const Field &field) const {
  return field.locked_while_streaming ? element("pIsLocked", "TLParamsLocked") : "";
}

std::string Description::register_of(const Field &field, const std::string &name, const std::string &tag,
                                     int length, const std::string &access) const {
  std::string index =
      field.indexed_by.empty() ? "" : "<pIndex Offset=\"4\">" + field.indexed_by + "Register</pIndex>";
  return named(tag, name + "Register",
               "<Visibility>Invisible</Visibility>" + element("Address", hex(field.address)) + index +
                   element("Length", std::to_string(length)) + element("AccessMode", access) +
                   element("pPort", "Device") + (field.changes_by_itself ? "<Cachable>NoCache</Cachable>" : "") +
                   (tag == "FloatReg" ? LITTLE_FLOAT : field.is_signed ? LITTLE_SIGNED : LITTLE));
}

void Description::text(const Field &field) {
  std::string name;
  if (!begin(field, &name)) return;
  body_ += named("StringReg", name,
                 element("Address", hex(field.address)) + element("Length", "64") +
                     element("AccessMode", field.writable ? "RW" : "RO") + element("pPort", "Device"));
}

void Description::integer(const Field &field, int length) {
  std::string name;
  if (!begin(field, &name)) return;
  body_ += named("Integer", name, lock(field) + element("pValue", name + "Register") + field.extra);
  body_ += register_of(field, name, "IntReg", length, field.writable ? "RW" : "RO");
}

void Description::number(const Field &field, double low, double high, const std::string &unit) {
  std::string name;
  if (!begin(field, &name)) return;
  body_ += named("Float", name,
                 lock(field) + element("pValue", name + "Register") + element("Min", std::to_string(low)) +
                     element("Max", std::to_string(high)) + element("Unit", unit));
  body_ += register_of(field, name, "FloatReg", 8, field.writable ? "RW" : "RO");
}

void Description::flag(const Field &field) {
  std::string name;
  if (!begin(field, &name)) return;
  body_ += named("Boolean", name,
                 lock(field) + element("pValue", name + "Register") + element("OnValue", "1") +
                     element("OffValue", "0"));
  body_ += register_of(field, name, "IntReg", 4, field.writable ? "RW" : "RO");
}

void Description::choice(const Field &field, Entries entries, const std::string &selects) {
  std::string name, content = lock(field);
  if (!begin(field, &name)) return;
  for (auto &entry : entries)
    content += "<EnumEntry Name=\"" + std::string(entry.first) + "\">" +
               element("Value", std::to_string(entry.second)) + "</EnumEntry>";
  body_ += named("Enumeration", name, content + element("pValue", name + "Register") + selects);
  body_ += register_of(field, name, "IntReg", 4, field.writable ? "RW" : "RO");
}

void Description::command(const Field &field) {
  std::string name;
  if (!begin(field, &name)) return;
  body_ += named("Command", name, element("pValue", name + "Register") + element("CommandValue", "1"));
  body_ += register_of(field, name, "IntReg", 4, "WO");
}

void Description::chunk(const std::string &name, uint64_t chunk_id, bool is_float) {
  features_ += element("pFeature", name);
  body_ += named(is_float ? "Float" : "Integer", name, element("pValue", name + "Register"));
  body_ += named(is_float ? "FloatReg" : "IntReg", name + "Register",
                 element("Address", "0") + element("Length", "8") + element("AccessMode", "RO") +
                     element("pPort", name + "Port") + element("Cachable", "NoCache") +
                     (is_float ? LITTLE_FLOAT : LITTLE));
  body_ += named("Port", name + "Port", element("ChunkID", hex(chunk_id, "")));
}

std::string Description::finish(const std::string &model, const std::string &guid) const {
  return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<RegisterDescription ModelName=\"" + model +
         "\" VendorName=\"MVMono3D\" ToolTip=\"simulated camera rig\" StandardNameSpace=\"None\""
         " SchemaMajorVersion=\"1\" SchemaMinorVersion=\"1\" SchemaSubMinorVersion=\"0\""
         " MajorVersion=\"1\" MinorVersion=\"0\" SubMinorVersion=\"0\" ProductGuid=\"" + guid +
         "\" VersionGuid=\"" + guid +
         "\" xmlns=\"http://www.genicam.org/GenApi/Version_1_1\""
         " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
         " xsi:schemaLocation=\"http://www.genicam.org/GenApi/Version_1_1"
         " http://www.genicam.org/GenApi/GenApiSchema_Version_1_1.xsd\">\n" +
         named("Category", "Root", features_) + body_ + "<Port Name=\"Device\"/>\n</RegisterDescription>\n";
}

}  // namespace rig
