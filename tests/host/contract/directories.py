"""Directories inside datasets, and subordinate ids."""

import pytest

from host.contract.scene import look, make, refused
from host.rig import Rig
from offctl.desired.model import Access, Dataset, DesiredState, Directory, Mode, Subid
from offctl.observed import ObservedDirectory, Unknown
from offctl.planner import actions as act


class DirectoryContract:
    def _seen(
        self, rig: Rig, name: str, *paths: str
    ) -> dict[str, ObservedDirectory | Unknown | None]:
        directories = tuple(Directory(path, Access()) for path in paths)
        wish = Dataset(name, name, f"/{name}", directories=directories)
        desired = DesiredState("test", "off2", Mode.ENFORCE, datasets=(wish,))
        return dict(look(rig, desired).directories)

    def test_a_directory_is_made_with_owner_and_mode(self, rig: Rig) -> None:
        name = make(rig, "off")
        access = Access(1000, 1001, 0o2750)
        rig.host.execute(act.MakeDirectory(name, f"/{name}", "cache", access))
        rig.host.execute(act.MakeDirectory(name, f"/{name}", "cache/deep", Access()))
        seen = self._seen(rig, name, "cache", "cache/deep", "nothing")
        assert seen[f"/{name}/cache"] == ObservedDirectory(1000, 1001, 0o2750, filled=True)
        assert isinstance(seen[f"/{name}/cache/deep"], ObservedDirectory)
        assert seen[f"/{name}/nothing"] is None

    def test_making_a_directory_again_keeps_its_files(self, rig: Rig) -> None:
        name = make(rig, "off")
        action = act.MakeDirectory(name, f"/{name}", "cache", Access(1000, 1000, 0o755))
        rig.host.execute(action)
        rig.put(f"/{name}/cache/file", "kept")
        rig.host.execute(action)
        assert rig.get(f"/{name}/cache/file") == "kept"

    def test_access_of_a_mountpoint_leaves_the_rest_alone(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.host.execute(act.SetAccess(name, f"/{name}", "", Access(1000, 1000, 0o770)))
        rig.host.execute(act.SetAccess(name, f"/{name}", "", Access(gid=33)))
        assert self._seen(rig, name)[f"/{name}"] == ObservedDirectory(1000, 33, 0o770)

    @pytest.mark.parametrize("path", ["../x", "/etc", "a/../../x", ".", "a//b"])
    def test_no_way_out_of_a_dataset(self, rig: Rig, path: str) -> None:
        name = make(rig, "off")
        access = Access(0, 0, 0o777)
        refused(rig, act.MakeDirectory(name, f"/{name}", path, access), "PREFLIGHT")
        refused(rig, act.SetAccess(name, f"/{name}", path, access), "PREFLIGHT")

    def test_links_are_not_followed(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.link(f"/{name}/trap", "/")
        access = Access(1000, 1000, 0o777)
        refused(rig, act.SetAccess(name, f"/{name}", "trap", access), "PREFLIGHT")
        refused(rig, act.MakeDirectory(name, f"/{name}", "trap", access), "PREFLIGHT")
        refused(rig, act.MakeDirectory(name, f"/{name}", "trap/in", access), "PREFLIGHT")
        assert isinstance(self._seen(rig, name, "trap")[f"/{name}/trap"], Unknown)

    def test_a_nested_dataset_is_not_ours_to_touch(self, rig: Rig) -> None:
        outer = make(rig, "off")
        make(rig, "off/images")
        access = Access(1000, 1000, 0o777)
        refused(rig, act.SetAccess(outer, f"/{outer}", "images", access), "PREFLIGHT")
        refused(rig, act.MakeDirectory(outer, f"/{outer}", "images/x", access), "PREFLIGHT")

    def test_nothing_is_made_under_an_unmounted_dataset(self, rig: Rig) -> None:
        name = make(rig, "off")
        rig.run("zfs", "unmount", name)
        action = act.MakeDirectory(name, f"/{name}", "cache", Access())
        refused(rig, action, "PREFLIGHT")
        assert self._seen(rig, name, "cache")[f"/{name}/cache"] is None

    def test_a_directory_below_a_missing_one_is_refused(self, rig: Rig) -> None:
        name = make(rig, "off")
        refused(rig, act.MakeDirectory(name, f"/{name}", "a/b", Access()), "PREFLIGHT")

    def test_subids_are_added_and_never_taken(self, rig: Rig) -> None:
        wanted = (Subid("u", 1000, 64536), Subid("g", 1000, 64536))
        rig.host.execute(act.GrantSubids(wanted))
        rig.host.execute(act.GrantSubids(wanted))
        assert look(rig).subids == (
            ("u", 100000, 65536),
            ("u", 1000, 64536),
            ("g", 100000, 65536),
            ("g", 1000, 64536),
        )
