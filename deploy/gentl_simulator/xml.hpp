// Writes GenApi 1.1 features that are bound to registers of the port "Device".
#pragma once
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>

namespace rig {

class Description {
 public:
  // Features of these names are published under others, or left out where the other name is empty.
  explicit Description(std::map<std::string, std::string> renamed = {}) : renamed_(std::move(renamed)) {}

  struct Field {
    std::string name;
    uint64_t address;
    bool writable = true;
    bool locked_while_streaming = false;
    bool changes_by_itself = false;
    std::string indexed_by = "";  // a selector: registers of 4 bytes in a row
    std::string extra = "";
    bool is_signed = false;
  };
  using Entries = std::initializer_list<std::pair<const char *, uint32_t>>;

  void text(const Field &field);
  void integer(const Field &field, int length);
  void number(const Field &field, double low, double high, const std::string &unit);
  void flag(const Field &field);
  void choice(const Field &field, Entries entries, const std::string &selects = "");
  void command(const Field &field);
  void chunk(const std::string &name, uint64_t chunk_id, bool is_float);
  void hidden(const std::string &body) { body_ += body; }

  std::string finish(const std::string &model, const std::string &guid) const;

 private:
  bool begin(const Field &field, std::string *name);
  std::string lock(const Field &field) const;
  std::string register_of(const Field &field, const std::string &name, const std::string &tag, int length,
                          const std::string &access) const;

  std::map<std::string, std::string> renamed_;
  std::string features_, body_;
};

}  // namespace rig
