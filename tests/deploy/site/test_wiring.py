"""What a site's file says reaches the part it is about, in that part's units."""

import dataclasses

import msgspec

from mvmono3d.deploy.site.settings import Ring, Site, Sync, Trigger
from mvmono3d.deploy.site.site_file import LoadedSite, read_site
from mvmono3d.deploy.site.wiring import capture_settings


def changed(loaded: LoadedSite, **changes: object) -> LoadedSite:
    site: Site = msgspec.structs.replace(loaded.site, **changes)
    return dataclasses.replace(loaded, site=site)


def test_what_a_site_says_of_capture_reaches_capture():
    virtual = read_site("virtual")
    plain = capture_settings(virtual)
    assert not plain.realtime
    assert plain.cameras.width == virtual.site.image.region.width_px
    assert plain.cameras.rate_hz == virtual.site.trigger.rate_hz
    sync = Sync(tolerance_us=250.0, wait_ms=7.5, frame_id_modulus=65535)
    ring, trigger = Ring(name="second", sets=5, buffers=9), Trigger(rate_hz=48.0, source="software")
    told = capture_settings(changed(virtual, realtime=True, sync=sync, ring=ring, trigger=trigger))
    assert told.realtime
    assert (told.tolerance_ns, told.wait_ns, told.id_modulus) == (250_000, 7_500_000, 65535)
    assert (told.ring, told.ring_sets, told.ring_buffers) == ("second", 5, 9)
    assert (told.cameras.rate_hz, told.cameras.trigger.value) == (48.0, "software")
