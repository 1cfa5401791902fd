"""Small motion files, written by hand."""

BVH = """HIERARCHY
ROOT hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT knee
  {
    OFFSET 0 -4 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -3 1
    }
  }
  JOINT chest
  {
    OFFSET 1 5 0
    CHANNELS 3 Xrotation Yrotation Zrotation
    End Site
    {
      OFFSET 0 2 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.02
0 10 0 0 0 0 0 90 0 0 0 0
1 10 -2 30 -20 50 5 80 -7 12 -34 56
"""

ASF = """# made by hand
:version 1.10
:units
  length 0.5
  angle deg
:documentation
  a stick with one arm
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name spine
    direction 0 1 0
    length 4
    axis 0 0 0 XYZ
    dof rx ry rz
    limits (-30 30)
           (-30 30)
           (-30 30)
  end
  begin
    id 2
    name arm
    direction 1 0 0
    length 2
    axis 10 -20 30 XYZ
    dof ry rz
    limits (-30 30)
           (-30 30)
  end
  begin
    id 3
    name tip
    direction 0 0 1
    length 1
    axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root spine
    spine arm
    arm tip
  end
"""

AMC = """#!OML:ASF
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
spine 0 0 90
arm 0 0
2
root 0 0 0 10 20 30
spine -40 50 60
arm 70 -80
"""
