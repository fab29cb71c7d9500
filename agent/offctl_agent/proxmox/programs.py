"""The channel programs: what is asked of a pool in one step that nothing else comes between.

They are constants; what they work on comes to them as arguments, never as text put into them.
"""

from collections.abc import Iterator

# Values and sources of `keys` for every dataset of `names` that exists: for each dataset one text,
# four words for each key it has (the value's type, key, value, source or nothing), each word with
# its length before it. As tables within tables they take the library three times as long to read.
READ = b"""
args = ...
asked = args["argv"]
found = {}
for _, name in ipairs(asked["names"]) do
  if zfs.exists(name) then
    one = {}
    for _, key in ipairs(asked["keys"]) do
      value, source = zfs.get_prop(name, key)
      if value ~= nil then
        for _, word in ipairs({type(value), key, tostring(value), source or ""}) do
          one[#one + 1] = #word .. ":" .. word
        end
      end
    end
    found[name] = table.concat(one)
  end
end
return found
"""

# The names of the user properties that are set on, or reach, the datasets of `names`.
NAMES = b"""
args = ...
found = {}
for _, name in ipairs(args["argv"]["names"]) do
  if zfs.exists(name) then
    for key in zfs.list.user_properties(name) do
      found[key] = true
    end
  end
end
return found
"""

# Sets user properties of several datasets: all, or none. Gives what stands in the way.
MARK = b"""
args = ...
failed = {}
for name, wanted in pairs(args["argv"]) do
  for key, value in pairs(wanted) do
    code = zfs.check.set_prop(name, key, value)
    if code ~= 0 then
      failed[name] = code
    end
  end
end
if next(failed) == nil then
  for name, wanted in pairs(args["argv"]) do
    for key, value in pairs(wanted) do
      code = zfs.sync.set_prop(name, key, value)
      if code ~= 0 then
        failed[name] = code
      end
    end
  end
end
return failed
"""


def words(content: bytes) -> Iterator[bytes]:
    """The words of such a text. Raises ValueError for what is none."""
    start = 0
    while start < len(content):
        middle = content.index(b":", start) + 1
        length = content[start : middle - 1]
        start = middle + int(length)
        if not length.isdigit() or start > len(content):
            raise ValueError
        yield content[middle:start]
