"""Everything that is done with the bytes of a playbook, done; shared by the fuzzers."""

from tocsin.playbook.cacao import to_cacao
from tocsin.playbook.cacao_check import check_cacao
from tocsin.playbook.lint import lint_with_roster
from tocsin.playbook.model import MessageKind, Playbook
from tocsin.playbook.present import to_document
from tocsin.playbook.read import read_playbook
from tocsin.playbook.render import PostmortemFacts, fill, fill_postmortem, template_for
from tocsin.playbook.sarif import sarif


def swallow(source: bytes) -> Playbook:
    """Read, lint, present, render and export. Raises only where something is wrong with Tocsin."""
    playbook = read_playbook(source, "x.md")
    to_document(playbook)
    findings = (*playbook.findings, *lint_with_roster(playbook, frozenset()))
    sarif(findings)
    for level in playbook.severities:
        for kind in MessageKind:
            if template := template_for(playbook, level.level, kind):
                fill(template, {})
    if playbook.postmortem:
        fill_postmortem(playbook.postmortem.template, PostmortemFacts(title="x"))
    wrong = check_cacao(to_cacao(playbook, origin="x.md").document)
    assert wrong == (), wrong
    return playbook
