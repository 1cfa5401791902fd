"""Read the pose stream from Python.

from mvmono3d.deploy.client import connect

with connect("ws://127.0.0.1:8787") as stream:
for pose in stream:
print(pose.seq, pose.actors[0].points_world[0])
"""

from mvmono3d.deploy.client.asynchronous import AsyncStream as AsyncStream
from mvmono3d.deploy.client.asynchronous import connect_async as connect_async
from mvmono3d.deploy.client.synchronous import Stream as Stream
from mvmono3d.deploy.client.synchronous import connect as connect
from mvmono3d.deploy.client.synchronous import connect_clouds as connect_clouds
from mvmono3d.deploy.client.synchronous import connect_images as connect_images
