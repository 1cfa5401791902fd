// The camera's registers: each address stands here once, for the node map and for the camera.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

namespace rig {

namespace reg {
constexpr uint64_t
    // strings of 64 bytes
    VENDOR = 0x000, MODEL = 0x040, SERIAL = 0x080, USER_ID = 0x0C0, FIRMWARE = 0x100,
    // image format
    SENSOR_WIDTH = 0x400, SENSOR_HEIGHT = 0x404, WIDTH = 0x408, HEIGHT = 0x40C, OFFSET_X = 0x410,
    OFFSET_Y = 0x414, PIXEL_FORMAT = 0x418, PAYLOAD_SIZE = 0x41C,
    // acquisition and trigger
    ACQUISITION_MODE = 0x500, ACQUISITION_START = 0x504, ACQUISITION_STOP = 0x508, FRAME_COUNT = 0x50C,
    FRAME_RATE_ENABLE = 0x510, TRIGGER_SELECTOR = 0x514, TRIGGER_MODE = 0x518, TRIGGER_SOURCE = 0x51C,
    TRIGGER_ACTIVATION = 0x520, TRIGGER_OVERLAP = 0x524, TRIGGER_SOFTWARE = 0x528, EXPOSURE_MODE = 0x52C,
    EXPOSURE_AUTO = 0x530, GAIN_AUTO = 0x534, FRAME_RATE = 0x540, TRIGGER_DELAY = 0x548,
    EXPOSURE_TIME = 0x550, GAIN = 0x558, BLACK_LEVEL = 0x560,
    // lines: one register per line behind a selector
    LINE_SELECTOR = 0x600, LINE_MODE = 0x604, LINE_SOURCE = 0x614, LINE_INVERTER = 0x624,
    LINE_STATUS_ALL = 0x634,
    // time and health
    TIMESTAMP_LATCH = 0x700, TIMESTAMP_RESET = 0x704, TIMESTAMP_VALUE = 0x708, TICK_HZ = 0x710,
    PTP_ENABLE = 0x718, PTP_STATUS = 0x71C, PTP_LATCH = 0x720, PTP_OFFSET = 0x728, TEMPERATURE = 0x730,
    // chunks: one enable register per chunk behind a selector
    CHUNK_MODE = 0x800, CHUNK_SELECTOR = 0x804, CHUNK_ENABLE = 0x808,
    // transport
    PARAMS_LOCKED = 0x900, LINK_LIMIT = 0x908,
    SIZE = 0xA00, DESCRIPTION = 0x10000;
}  // namespace reg

constexpr int STRING_LENGTH = 64;
constexpr int LINES = 3;  // 0: trigger in, 1: IR strobe out, 2: spare
constexpr int STROBE_LINE = 1;

enum Chunk : uint32_t { CHUNK_TIMESTAMP, CHUNK_FRAME_ID, CHUNK_EXPOSURE_TIME, CHUNK_GAIN, CHUNKS };
constexpr uint64_t CHUNK_ID_BASE = 0x1001;

enum TriggerSource : uint32_t { SOURCE_SOFTWARE, SOURCE_LINE0 };
enum LineMode : uint32_t { LINE_INPUT, LINE_OUTPUT };
enum LineSource : uint32_t { LINE_OFF, LINE_EXPOSURE_ACTIVE };
enum AcquisitionMode : uint32_t { CONTINUOUS, SINGLE_FRAME, MULTI_FRAME };

class Registers {
 public:
  template <class T = uint32_t>
  T get(uint64_t address) const {
    T value;
    std::memcpy(&value, bytes_ + address, sizeof value);
    return value;
  }
  template <class T = uint32_t>
  void set(uint64_t address, T value) {
    std::memcpy(bytes_ + address, &value, sizeof value);
  }
  void set_text(uint64_t address, const std::string &text) {
    std::memset(bytes_ + address, 0, STRING_LENGTH);
    std::memcpy(bytes_ + address, text.data(), std::min<size_t>(STRING_LENGTH - 1, text.size()));
  }
  std::string text(uint64_t address) const {
    const char *start = reinterpret_cast<const char *>(bytes_ + address);
    return {start, strnlen(start, STRING_LENGTH)};
  }
  static bool holds(uint64_t address, size_t size) {
    return size <= reg::SIZE && address <= reg::SIZE - size;
  }
  void read(uint64_t address, void *data, size_t size) const { std::memcpy(data, bytes_ + address, size); }
  void write(uint64_t address, const void *data, size_t size) { std::memcpy(bytes_ + address, data, size); }

 private:
  uint8_t bytes_[reg::SIZE] = {};
};

}  // namespace rig
