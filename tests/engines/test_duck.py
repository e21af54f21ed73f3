"""The embedded engine: hardened, in UTC, and with integers that any engine would give."""

import duckdb
import pyarrow as pa
import pytest

from candor.engines.duck import DuckEngine


def test_buckets_and_keys_are_the_published_ones():
    with DuckEngine() as engine:
        rows = engine.rows(
            "select v, bucket200(v) from (values ('c-000001'), ('c-000002'), ('12345'), ('0')) as t (v)"
        )
        assert dict(rows) == {"c-000001": 194, "c-000002": 83, "12345": 10, "0": 126}
        assert engine.rows("select key60('a')") == [(0x0CC175B9C0F1B6A,)]


def test_session_is_utc_and_never_installs_extensions():
    with DuckEngine() as engine:
        settings = dict(
            engine.rows(
                "select name, value from duckdb_settings() where name in"
                " ('TimeZone', 'autoinstall_known_extensions', 'autoload_known_extensions',"
                " 'allow_community_extensions')"
            )
        )
    assert settings["TimeZone"] == "UTC"
    assert settings["autoinstall_known_extensions"] == "false"
    assert settings["autoload_known_extensions"] == "false"
    assert settings["allow_community_extensions"] == "false"


def test_lock_forbids_files_and_settings(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")
    with DuckEngine() as engine:
        assert engine.rows(f"select a from read_csv('{path}')") == [(1,)]
        engine.lock()
        with pytest.raises(duckdb.PermissionException):
            engine.rows(f"select a from read_csv('{path}')")
        with pytest.raises(duckdb.Error):
            engine.run("set threads = 1")


def test_load_keeps_types_and_temporary_tables_leave_the_file(tmp_path):
    path = tmp_path / "facts.duckdb"
    rows = pa.table({"a": pa.array([1, None], pa.int64())})
    with DuckEngine(path, threads=1) as engine:
        engine.load("kept", rows)
        engine.load("gone", rows, temporary=True)
        assert engine.arrow("select a from gone order by a").to_pylist() == [{"a": 1}, {"a": None}]
    with DuckEngine(path) as engine:
        assert engine.rows("select table_name from duckdb_tables()") == [("kept",)]


def test_a_slow_query_draws_nothing_on_standard_output() -> None:
    with DuckEngine() as engine:
        assert engine.rows("select current_setting('enable_progress_bar')") == [(False,)]
