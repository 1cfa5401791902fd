#include "node_map.hpp"

#include "pixels.hpp"
#include "registers.hpp"
#include "settings.hpp"
#include "xml.hpp"

namespace rig {
namespace {

using Field = Description::Field;

Field fixed(const char *name, uint64_t address) { return {name, address, false}; }
Field live(const char *name, uint64_t address) { return {name, address, false, false, true}; }
Field locked(const char *name, uint64_t address) { return {name, address, true, true}; }
Field selected(const char *name, uint64_t address, const char *selector) {
  return {name, address, true, false, false, selector};
}

// Names from before SFNC 2, as older GigE cameras publish them.
const std::map<std::string, std::string> OLD_NAMES = {
    {"DeviceSerialNumber", "DeviceID"},
    {"ExposureTime", "ExposureTimeAbs"},
    {"AcquisitionFrameRate", "AcquisitionFrameRateAbs"},
    {"TriggerDelay", "TriggerDelayAbs"},
    {"TimestampLatch", "GevTimestampControlLatch"},
    {"TimestampReset", "GevTimestampControlReset"},
    {"TimestampLatchValue", "GevTimestampValue"},
    {"PtpEnable", "GevIEEE1588"},
    {"PtpStatus", "GevIEEE1588Status"},
    {"PtpDataSetLatch", "GevIEEE1588DataSetLatch"},
    {"PtpOffsetFromMaster", "GevIEEE1588OffsetFromMaster"},
};

// What is left of the sensor. It looks at a register: through the feature itself GenApi would see a cycle.
void limit(Description &xml, const std::string &name, const std::string &sensor, const std::string &taken) {
  xml.hidden("<IntSwissKnife Name=\"" + name + "\"><Visibility>Invisible</Visibility><pVariable Name=\"S\">" +
             sensor + "</pVariable><pVariable Name=\"T\">" + taken +
             "</pVariable><Formula>S - T</Formula></IntSwissKnife>\n");
}

Field ranged(const char *name, uint64_t address, int low, const std::string &limit, int step) {
  Field field = locked(name, address);
  field.extra = "<Min>" + std::to_string(low) + "</Min><pMax>" + limit + "</pMax><Inc>" + std::to_string(step) + "</Inc>";
  return field;
}

void identity(Description &xml) {
  xml.text(fixed("DeviceVendorName", reg::VENDOR));
  xml.text(fixed("DeviceModelName", reg::MODEL));
  xml.text(fixed("DeviceSerialNumber", reg::SERIAL));
  xml.text({"DeviceUserID", reg::USER_ID});
  xml.text(fixed("DeviceFirmwareVersion", reg::FIRMWARE));
  xml.number(live("DeviceTemperature", reg::TEMPERATURE), -100, 200, "C");
}

void image_format(Description &xml) {
  xml.integer(fixed("SensorWidth", reg::SENSOR_WIDTH), 4);
  xml.integer(fixed("SensorHeight", reg::SENSOR_HEIGHT), 4);
  limit(xml, "WidthLimit", "SensorWidth", "OffsetXRegister");
  limit(xml, "HeightLimit", "SensorHeight", "OffsetYRegister");
  limit(xml, "OffsetXLimit", "SensorWidth", "WidthRegister");
  limit(xml, "OffsetYLimit", "SensorHeight", "HeightRegister");
  xml.integer(ranged("Width", reg::WIDTH, WIDTH_LEAST, "WidthLimit", WIDTH_STEP), 4);
  xml.integer(ranged("Height", reg::HEIGHT, HEIGHT_LEAST, "HeightLimit", HEIGHT_STEP), 4);
  xml.integer(ranged("OffsetX", reg::OFFSET_X, 0, "OffsetXLimit", WIDTH_STEP), 4);
  xml.integer(ranged("OffsetY", reg::OFFSET_Y, 0, "OffsetYLimit", HEIGHT_STEP), 4);
  xml.choice(locked("PixelFormat", reg::PIXEL_FORMAT),
             {{"Mono8", MONO8}, {"Mono10", MONO10}, {"Mono12", MONO12}, {"Mono12p", MONO12P}});
  xml.integer(live("PayloadSize", reg::PAYLOAD_SIZE), 4);
}

void acquisition(Description &xml) {
  xml.choice(locked("AcquisitionMode", reg::ACQUISITION_MODE),
             {{"Continuous", CONTINUOUS}, {"SingleFrame", SINGLE_FRAME}, {"MultiFrame", MULTI_FRAME}});
  Field count = {"AcquisitionFrameCount", reg::FRAME_COUNT};
  count.extra = "<Min>1</Min>";
  xml.integer(count, 4);
  xml.command({"AcquisitionStart", reg::ACQUISITION_START});
  xml.command({"AcquisitionStop", reg::ACQUISITION_STOP});
  xml.flag({"AcquisitionFrameRateEnable", reg::FRAME_RATE_ENABLE});
  xml.number({"AcquisitionFrameRate", reg::FRAME_RATE}, 0.1, 2000, "Hz");
  xml.choice({"TriggerSelector", reg::TRIGGER_SELECTOR}, {{"FrameStart", 0}},
             "<pSelected>TriggerMode</pSelected><pSelected>TriggerSource</pSelected>"
             "<pSelected>TriggerActivation</pSelected><pSelected>TriggerOverlap</pSelected>");
  xml.choice({"TriggerMode", reg::TRIGGER_MODE}, {{"Off", 0}, {"On", 1}});
  xml.choice({"TriggerSource", reg::TRIGGER_SOURCE}, {{"Software", SOURCE_SOFTWARE}, {"Line0", SOURCE_LINE0}});
  xml.choice({"TriggerActivation", reg::TRIGGER_ACTIVATION}, {{"RisingEdge", 0}, {"FallingEdge", 1}});
  xml.choice({"TriggerOverlap", reg::TRIGGER_OVERLAP}, {{"Off", 0}, {"ReadOut", 1}});
  xml.command({"TriggerSoftware", reg::TRIGGER_SOFTWARE});
  xml.number({"TriggerDelay", reg::TRIGGER_DELAY}, 0, 1e6, "us");
  xml.choice({"ExposureMode", reg::EXPOSURE_MODE}, {{"Timed", 0}});
  xml.choice({"ExposureAuto", reg::EXPOSURE_AUTO}, {{"Off", 0}});
  xml.number({"ExposureTime", reg::EXPOSURE_TIME}, 10, 1e6, "us");
  xml.choice({"GainAuto", reg::GAIN_AUTO}, {{"Off", 0}});
  xml.number({"Gain", reg::GAIN}, 0, 48, "dB");
  xml.number({"BlackLevel", reg::BLACK_LEVEL}, 0, 255, "DN");
}

void lines(Description &xml) {
  xml.choice({"LineSelector", reg::LINE_SELECTOR}, {{"Line0", 0}, {"Line1", STROBE_LINE}, {"Line2", 2}},
             "<pSelected>LineMode</pSelected><pSelected>LineSource</pSelected>"
             "<pSelected>LineInverter</pSelected>");
  xml.choice(selected("LineMode", reg::LINE_MODE, "LineSelector"), {{"Input", LINE_INPUT}, {"Output", LINE_OUTPUT}});
  xml.choice(selected("LineSource", reg::LINE_SOURCE, "LineSelector"),
             {{"Off", LINE_OFF}, {"ExposureActive", LINE_EXPOSURE_ACTIVE}});
  xml.flag(selected("LineInverter", reg::LINE_INVERTER, "LineSelector"));
  xml.integer(live("LineStatusAll", reg::LINE_STATUS_ALL), 4);
}

void time_and_ptp(Description &xml, bool ptp) {
  xml.command({"TimestampLatch", reg::TIMESTAMP_LATCH});
  xml.command({"TimestampReset", reg::TIMESTAMP_RESET});
  xml.integer(live("TimestampLatchValue", reg::TIMESTAMP_VALUE), 8);
  xml.integer(fixed("GevTimestampTickFrequency", reg::TICK_HZ), 8);
  if (!ptp) return;
  xml.flag({"PtpEnable", reg::PTP_ENABLE});
  xml.choice(live("PtpStatus", reg::PTP_STATUS),
             {{"Initializing", 0}, {"Faulty", 1}, {"Disabled", 2}, {"Listening", 3}, {"PreMaster", 4},
              {"Master", 5}, {"Passive", 6}, {"Uncalibrated", 7}, {"Slave", 8}});
  xml.command({"PtpDataSetLatch", reg::PTP_LATCH});
  Field offset = live("PtpOffsetFromMaster", reg::PTP_OFFSET);
  offset.is_signed = true;
  xml.integer(offset, 8);
}

void chunks_and_transport(Description &xml) {
  xml.flag(locked("ChunkModeActive", reg::CHUNK_MODE));
  xml.choice({"ChunkSelector", reg::CHUNK_SELECTOR},
             {{"Timestamp", CHUNK_TIMESTAMP}, {"FrameID", CHUNK_FRAME_ID},
              {"ExposureTime", CHUNK_EXPOSURE_TIME}, {"Gain", CHUNK_GAIN}},
             "<pSelected>ChunkEnable</pSelected>");
  Field enable = selected("ChunkEnable", reg::CHUNK_ENABLE, "ChunkSelector");
  enable.locked_while_streaming = true;
  xml.flag(enable);
  xml.chunk("ChunkTimestamp", CHUNK_ID_BASE + CHUNK_TIMESTAMP, false);
  xml.chunk("ChunkFrameID", CHUNK_ID_BASE + CHUNK_FRAME_ID, false);
  xml.chunk("ChunkExposureTime", CHUNK_ID_BASE + CHUNK_EXPOSURE_TIME, true);
  xml.chunk("ChunkGain", CHUNK_ID_BASE + CHUNK_GAIN, true);
  xml.integer({"TLParamsLocked", reg::PARAMS_LOCKED}, 4);
  xml.integer({"DeviceLinkThroughputLimit", reg::LINK_LIMIT}, 8);
}

}  // namespace

std::string camera_description(const Settings &settings) {
  Description xml(settings.old_names != 0 ? OLD_NAMES : std::map<std::string, std::string>());
  identity(xml);
  image_format(xml);
  acquisition(xml);
  lines(xml);
  time_and_ptp(xml, settings.ptp != 0);
  chunks_and_transport(xml);
  return xml.finish("Virtual1280M", "B7C5B2E0-3F0B-4B49-8E57-9D1F7A0C4E01");
}

std::string module_description(const std::string &model, const std::string &id_feature) {
  Description xml;
  xml.text({id_feature, 0, false});
  return xml.finish(model, "B7C5B2E0-3F0B-4B49-8E57-9D1F7A0C4E02");
}

}  // namespace rig
