// A small GenTL consumer without GenApi: one thread per camera takes frames and gives buffers back, while
// another thread pulls the trigger, injects faults, unplugs cameras and reads their state. It checks that
// each buffer holds the frame that its information speaks of. For runs under ThreadSanitizer and valgrind.
//   exercise FILE.cti [SECONDS]
#include <dlfcn.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "gentl.hpp"
#include "registers.hpp"

using gentl::Handle;

namespace {

void *library = nullptr;
std::atomic<uint64_t> taken{0}, wrong{0}, lost{0};

template <class... Arguments>
int64_t call(const char *name, Arguments... arguments) {
  auto function = reinterpret_cast<int32_t (*)(Arguments...)>(dlsym(library, name));
  if (function != nullptr) return function(arguments...);
  std::fprintf(stderr, "no function %s\n", name);
  std::exit(2);
}

template <class... Arguments>
void must(const char *name, Arguments... arguments) {
  int64_t status = call(name, arguments...);
  if (status >= 0) return;
  std::fprintf(stderr, "%s: %lld\n", name, static_cast<long long>(status));
  std::exit(1);
}

template <class T>
bool write(Handle port, uint64_t address, T value) {
  size_t size = sizeof value;
  return call("GCWritePort", port, address, static_cast<const void *>(&value), &size) == gentl::SUCCESS;
}

uint64_t told(Handle stream, Handle buffer, int32_t what) {
  uint64_t value = 0;
  int32_t type = 0;
  size_t size = sizeof value;
  must("DSGetBufferInfo", stream, buffer, what, &type, static_cast<void *>(&value), &size);
  return value;
}

void look(Handle stream, Handle buffer) {
  uint64_t stamp[5];
  std::memcpy(stamp, reinterpret_cast<void *>(told(stream, buffer, gentl::BUFFER_BASE)), sizeof stamp);
  bool agrees = stamp[2] == told(stream, buffer, gentl::BUFFER_FRAMEID) &&
                stamp[3] == told(stream, buffer, gentl::BUFFER_TIMESTAMP);
  taken++;
  if (!agrees) wrong++;
}

// One connection: until the camera is lost or the time is over.
void connection(Handle interface, const std::string &id, std::atomic<bool> &stop) {
  Handle device, port, stream, event;
  if (call("IFOpenDevice", interface, id.c_str(), 4, &device) != gentl::SUCCESS) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return;
  }
  must("DevGetPort", device, &port);
  must("DevOpenDataStream", device, "stream0", &stream);
  must("GCRegisterEvent", stream, int32_t(gentl::EVENT_NEW_BUFFER), &event);
  bool well = write<uint32_t>(port, rig::reg::WIDTH, 64) && write<uint32_t>(port, rig::reg::HEIGHT, 16) &&
              write<uint32_t>(port, rig::reg::TRIGGER_MODE, 1) && write<uint32_t>(port, rig::reg::TRIGGER_SOURCE, 1) &&
              write<double>(port, rig::reg::EXPOSURE_TIME, 50) && write<uint32_t>(port, rig::reg::CHUNK_MODE, 1);
  for (int i = 0; i < 8; i++) {
    Handle buffer;
    must("DSAllocAndAnnounceBuffer", stream, size_t(4096), static_cast<void *>(nullptr), &buffer);
    must("DSQueueBuffer", stream, buffer);
  }
  must("DSStartAcquisition", stream, 0, gentl::INFINITE);
  well = well && write<uint32_t>(port, rig::reg::ACQUISITION_START, 1);
  while (well && !stop) {
    gentl::NewBufferEvent news;
    size_t size = sizeof news;
    if (call("EventGetData", event, static_cast<void *>(&news), &size, uint64_t(20)) == gentl::SUCCESS) {
      look(stream, news.buffer);
      must("DSQueueBuffer", stream, news.buffer);
    }
    well = write<uint32_t>(port, rig::reg::TIMESTAMP_LATCH, 1);
  }
  if (!well) lost++;
  write<uint32_t>(port, rig::reg::ACQUISITION_STOP, 1);
  must("DSStopAcquisition", stream, 0);
  must("DSFlushQueue", stream, int32_t(gentl::QUEUE_ALL_DISCARD));
  must("GCUnregisterEvent", stream, int32_t(gentl::EVENT_NEW_BUFFER));
  must("DSClose", stream);
  must("DevClose", device);
}

void trouble(int cameras, double seconds) {
  auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  uint64_t counters[32];
  for (unsigned step = 0; std::chrono::steady_clock::now() < end; step++) {
    int camera = int(step % unsigned(cameras));
    must("rig_fault", camera, int(1 + step % 12), uint64_t(step * 3), uint64_t(2), int64_t(step % 7) * 100000);
    if (step % 5 == 0) must("rig_connect", camera, 0, int(step % 2));
    must("rig_clock", camera, int64_t(step), 10.0, int64_t(100));
    must("rig_counters", camera, counters, 32);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (step % 5 == 0) must("rig_connect", camera, 1, 0);
  }
}

}  // namespace

int main(int count, char **arguments) {
  if (count < 2) return std::fprintf(stderr, "usage: exercise FILE.cti [SECONDS]\n"), 2;
  library = dlopen(arguments[1], RTLD_NOW);
  if (library == nullptr) return std::fprintf(stderr, "%s\n", dlerror()), 2;
  Handle system, interface;
  must("GCInitLib");
  must("TLOpen", &system);
  must("TLOpenInterface", system, "mvmono3d_interface", &interface);
  must("IFUpdateDeviceList", interface, static_cast<uint8_t *>(nullptr), uint64_t(100));
  uint32_t cameras = 0;
  must("IFGetNumDevices", interface, &cameras);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (uint32_t index = 0; index < cameras; index++) {
    char id[64];
    size_t size = sizeof id;
    must("IFGetDeviceID", interface, index, static_cast<char *>(id), &size);
    threads.emplace_back([interface, &stop, name = std::string(id)] {
      while (!stop) connection(interface, name, stop);
    });
  }
  must("rig_pulses", 500.0, uint64_t(0));
  trouble(int(cameras), count > 2 ? std::atof(arguments[2]) : 2);
  stop = true;
  for (auto &thread : threads) thread.join();
  must("IFClose", interface);
  must("TLClose", system);
  must("GCCloseLib");
  std::printf("%llu frames, %llu wrong, %llu connections lost\n", static_cast<unsigned long long>(taken),
              static_cast<unsigned long long>(wrong), static_cast<unsigned long long>(lost));
  return taken > 0 && wrong == 0 ? 0 : 1;
}
