"""How often strangers may do something."""

from datetime import UTC, datetime, timedelta

from tocsin.faces.pace import NETWORKS_MAX, Pace, network_of

NOW = datetime(2026, 11, 24, 2, 47, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_each_address_has_its_own_pace() -> None:
    pace = Pace(each=2, in_all=10, within=10 * MINUTE)
    for at in (NOW, NOW + MINUTE):
        assert pace.wait("192.0.2.1", at) is None
        pace.count("192.0.2.1", at)
    assert pace.wait("192.0.2.1", NOW + 2 * MINUTE) == 8 * MINUTE
    assert pace.wait("192.0.2.2", NOW + 2 * MINUTE) is None
    assert pace.wait("192.0.2.1", NOW + 10 * MINUTE) is None


def test_all_together_have_one_too() -> None:
    pace = Pace(each=2, in_all=3, within=10 * MINUTE)
    for number in range(3):
        pace.count(f"192.0.2.{number}", NOW + number * MINUTE)
    assert pace.wait("192.0.2.99", NOW + 3 * MINUTE) == 7 * MINUTE


def test_a_network_of_ipv6_is_one_address() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("unknown") == "unknown"


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    pace = Pace(each=1, in_all=10, within=10 * MINUTE)
    pace.count("192.0.2.1", NOW)
    assert pace.wait("192.0.2.1", NOW - timedelta(days=1)) is None


def test_memory_is_bounded() -> None:
    pace = Pace(each=1, in_all=NETWORKS_MAX * 2, within=10 * MINUTE)
    for number in range(NETWORKS_MAX + 10):
        pace.count(f"address {number}", NOW)
    assert pace.wait("address 0", NOW) is None, "the one that was quiet longest is forgotten"
    assert pace.wait(f"address {NETWORKS_MAX + 9}", NOW) == 10 * MINUTE
