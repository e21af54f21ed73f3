-- grain: the whole data set (one row)
-- key: none
-- clock: none
-- reads: setting
-- What a refresh must know of the build before: up to when it read, and up to when all was known.
select
    s.as_of_us,
    s.horizon_us
from setting as s
