// What the rig is: numbers that hold for all cameras, read once from a file and changeable while it runs.
#pragma once
#include <atomic>
#include <map>
#include <string>
#include <vector>

namespace rig {

using Number = std::atomic<double>;

struct Settings {
  Number cameras{4}, width{1280}, height{800};
  Number realtime{1};         // 1: the machine's clock; 0: time moves only with pulse() and advance()
  Number stamp{1};            // 1: the truth stands in the first 40 pixels
  Number light{0};            // 1: brightness follows exposure, gain and strobe
  Number frame_id_bits{64};   // 16: ids run 1 to 65535 and wrap to 1, as with GigE Vision 1
  Number first_frame_id{1};
  Number keep_frame_id{0};    // 1: the counter goes on over stop and start
  Number tick_hz{1e9};        // below 1e9: timestamps are ticks, and no nanosecond timestamp is given
  Number ptp{1};              // 0: the cameras have no PTP features
  Number ptp_jitter_ns{60}, ptp_lock_ms{200};
  Number old_names{0};        // 1: feature names from before SFNC 2
  Number readout_us{0};       // a trigger within the readout is refused unless TriggerOverlap is ReadOut
  Number link_mb_s{0};        // 0: frames travel in no time
  Number shared_link{0};      // 1: all cameras share one link
  Number pulses_hz{0};        // > 0: trigger pulses start with the library

  // Read at the start only.
  std::string transport = "Custom";
  std::string frames;                 // folder with SERIAL.raw or SERIAL.ring
  std::vector<std::string> serials;   // default SIM0001, SIM0002, ...
  struct CameraLine {
    int camera;
    std::string name;
    double value;
  };
  std::vector<CameraLine> camera_lines;
  struct FaultLine {
    int camera;
    std::string kind;
    uint64_t first, count;
    int64_t argument;
  };
  std::vector<FaultLine> fault_lines;

  // The number of that name, or null.
  Number *find(const std::string &name);
  std::string known_names();
  // Read `name = value` lines; returns an empty text or what is wrong with which line.
  std::string read_file(const std::string &path);

 private:
  std::string read_line(const std::string &name, const std::string &value);
};

}  // namespace rig
