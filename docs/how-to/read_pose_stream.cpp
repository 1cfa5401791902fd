// flatc --cpp deploy/stream/pose_stream.fbs
// g++ -std=c++17 -DASIO_STANDALONE -I. read_pose_stream.cpp -o read_pose_stream -lpthread
#include <iostream>
#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_no_tls_client.hpp>
#include "pose_stream_generated.h"

using Client = websocketpp::client<websocketpp::config::asio_client>;

int main(int argc, char** argv) {
  Client client;
  client.clear_access_channels(websocketpp::log::alevel::all);
  client.init_asio();
  client.set_open_handler([&](auto handle) {
    client.send(handle, R"({"cmd": "subscribe", "value": {"credit": 1}})", websocketpp::frame::opcode::text);
  });
  client.set_message_handler([&](auto handle, auto message) {
    auto envelope = mvmono3d::GetEnvelope(message->get_payload().data());
    auto pose = envelope->message_as_Pose();
    if (!pose) return;
    for (unsigned joint = 0; pose->source() && joint < pose->source()->size(); ++joint)
      if (pose->source()->Get(joint) > 0)
        std::cout << pose->seq() << " joint " << joint << ": " << pose->keypoints3d()->Get(4 * joint) << ' '
                  << pose->keypoints3d()->Get(4 * joint + 1) << ' ' << pose->keypoints3d()->Get(4 * joint + 2)
                  << std::endl;
    client.send(handle, "{\"cmd\": \"ack\", \"value\": " + std::to_string(pose->seq()) + "}",
                websocketpp::frame::opcode::text);
  });
  websocketpp::lib::error_code error;
  auto connection = client.get_connection(argc > 1 ? argv[1] : "ws://127.0.0.1:8787", error);
  if (error) return std::cerr << error.message() << std::endl, 1;
  connection->add_subprotocol("mvmono3d.flatbuffers");
  client.connect(connection);
  client.run();
}
