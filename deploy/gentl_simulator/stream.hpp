// One camera's buffers and their way from the consumer to the camera and back. The camera's mutex guards it.
#pragma once
#include <cstdint>
#include <deque>
#include <list>
#include <vector>

#include "gentl.hpp"
#include "pixels.hpp"

namespace rig {

enum class BufferState { IDLE, INPUT, FILLING, OUTPUT };

struct Buffer {
  uint8_t *base = nullptr;
  size_t size = 0;
  void *user = nullptr;
  bool owned = false;
  BufferState state = BufferState::IDLE;

  // What arrived last.
  Frame frame;
  size_t filled = 0, data = 0, image = 0;
  bool fresh = false;
  std::vector<gentl::Chunk> chunks;
};

class Stream {
 public:
  ~Stream() { forget_buffers(); }
  bool open = false, grabbing = false, registered = false;
  int kills = 0;
  uint64_t delivered = 0, underrun = 0, started = 0, fired = 0;
  std::deque<Buffer *> input, output;
  std::list<Buffer> buffers;

  Buffer *find(gentl::Handle handle);
  Buffer *announce(void *base, size_t size, void *user);
  gentl::Status revoke(Buffer *buffer, void **base, void **user);
  gentl::Status queue(Buffer *buffer);
  gentl::Status flush(int32_t operation);
  bool filling() const;
  void start();
  void forget_buffers();

 private:
  static void idle(std::deque<Buffer *> &queue);
};

// Put image, stamp and chunks into the buffer. Needs no lock: the buffer is FILLING.
void fill(Buffer &buffer);

}  // namespace rig
