"""Who is paged in these tests: the roles of the example playbook and of the first one, in several zones."""

ROLES = (
    ("On-Call Engineer", "olga"),
    ("Senior Engineer", "sam"),
    ("Team Lead", "tara"),
    ("Platform Lead", "paul"),
    ("DevOps Lead", "paul"),
    ("Security Engineer", "stella"),
    ("CISO", "carl"),
    ("Legal", "lena"),
)
ZONES = {
    "olga": "Asia/Kolkata",
    "sam": "Europe/Berlin",
    "tara": "America/New_York",
    "paul": "Europe/Lisbon",
    "stella": "Asia/Tokyo",
    "carl": "UTC",
    "lena": "Europe/Paris",
}


def roster(kind: str = "outbox", also: str = "", fallback: str = "outbox") -> str:
    """A roster in which everybody is reached over `kind`, and over `also` with the same start."""
    lines: list[str] = []
    for name, zone in ZONES.items():
        methods = [
            f'{{ kind = "{each}", address = "{address(each, name)}" }}' for each in (kind, also) if each
        ]
        lines += [
            f"[people.{name}]",
            f'name = "{name.capitalize()} Test"',
            f'zone = "{zone}"',
            f'email = "{name}@example.org"',
            f"methods = [{', '.join(methods)}]",
            "",
        ]
    for role, name in ROLES:
        lines += [f'[roles."{role}"]', f'people = ["{name}"]', ""]
    lines += [
        "[audiences.stakeholders]",
        f'methods = [{{ kind = "{kind}", address = "{address(kind, "all")}" }}]',
    ]
    if fallback:
        lines += ["", "[fallback]", f'methods = [{{ kind = "{fallback}", address = "everyone" }}]']
    return "\n".join(lines) + "\n"


def address(kind: str, name: str) -> str:
    """Where somebody is reached over a channel."""
    return f"{name}@example.org" if kind == "email" else name


def mail(port: int) -> str:
    """The settings of a mail server on this machine."""
    return f'[smtp]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nfrom = "Tocsin <tocsin@example.org>"\n'
