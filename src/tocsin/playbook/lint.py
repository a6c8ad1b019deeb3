"""stub"""
from tocsin.base.problems import Problem
from tocsin.playbook.document import Document
from tocsin.playbook.model import Playbook


def lint(playbook: Playbook, document: Document) -> list[Problem]:
    return []
