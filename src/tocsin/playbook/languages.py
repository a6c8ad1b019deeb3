"""The words of languages other than English by which parts of a playbook are recognised.

A plain table, to be extended: a concept (a key of `vocabulary.ENGLISH`), then a language, then words
with commas between them. `*` at the end of a word stands for any ending. Accents may be left out by
whoever writes a playbook. Words are compared without case, and never inside other words.
"""

WORDS: dict[str, dict[str, str]] = {
    "level": {
        "es": "nivel, severidad, gravedad, prioridad, criticidad",
        "de": "stufe, schweregrad, priorität, dringlichkeit, schwere, kritikalität",
        "fr": "niveau, sévérité, gravité, priorité, criticité",
        "pt": "nível, severidade, gravidade, prioridade, criticidade",
    },
    "response": {
        "es": "respuesta, reacción, acuse, tiempo de respuesta, confirmación",
        "de": "reaktion*, antwortzeit, bestätigung, annahme, quittierung",
        "fr": "réponse, réaction, prise en charge, accusé, acquittement, délai de réponse",
        "pt": "resposta, reação, reconhecimento, confirmação, tempo de resposta",
    },
    "sla": {
        "es": "plazo, objetivo, tiempo",
        "de": "frist, zielzeit, zeit",
        "fr": "délai, objectif, temps",
        "pt": "prazo, objetivo, tempo",
    },
    "description": {
        "es": "descripción, definición, significado, impacto, criterio*, alcance, qué",
        "de": "beschreibung, definition, bedeutung, auswirkung*, kriteri*, was",
        "fr": "description, définition, signification, impact, critère*",
        "pt": "descrição, definição, significado, impacto, critério*, alcance",
    },
    "name": {
        "es": "nombre, severidad, gravedad, prioridad, etiqueta",
        "de": "name, bezeichnung, schweregrad, priorität",
        "fr": "nom, libellé, sévérité, gravité, priorité",
        "pt": "nome, severidade, gravidade, prioridade",
    },
    "examples": {"es": "ejemplo*", "de": "beispiel*", "fr": "exemple*", "pt": "exemplo*"},
    "updates": {
        "es": "actualizaci*, comunicaci*, frecuencia, cadencia, avisos",
        "de": "aktualisierung*, kommunikation, takt, häufigkeit, statusmeldung*, rhythmus",
        "fr": "mise à jour, mises à jour, communication*, fréquence, cadence, point de situation",
        "pt": "atualizaç*, comunicaç*, frequência, cadência",
    },
    "severities": {
        "es": "severidad*, gravedad, prioridad*, nivel*, clasificaci*",
        "de": "schweregrad*, priorität*, stufe*, klassifi*, einstufung*",
        "fr": "sévérité*, gravité*, priorité*, niveau*, classification",
        "pt": "severidade*, gravidade*, prioridade*, nível, níveis, classificaç*",
    },
    "every": {
        "es": "cada",
        "de": "alle, jede*, stündlich, täglich",
        "fr": "toutes les, chaque",
        "pt": "a cada, cada",
    },
    "escalation": {
        "es": "escalamiento, escalado, escalada, escalaci*, a quién llamar, cadena de mando",
        "de": "eskalation*, eskalier*, meldekette, wen anrufen, rufkette",
        "fr": "escalade, chaîne d'appel, qui appeler, chaîne de commandement",
        "pt": "escalonamento, escalação, escalada, a quem ligar, cadeia de comando",
    },
    "to": {
        "es": "escalar a, rol, contacto, avisar a, quién, equipo, responsable",
        "de": "eskalation an, eskalieren an, rolle, kontakt, wer, wen, team, zuständig",
        "fr": "escalader vers, rôle, contact, prévenir, qui, équipe, vers, responsable",
        "pt": "escalar para, papel, função, contato, avisar, quem, equipe, para, responsável",
    },
    "to_exactly": {
        "es": "escalar a, avisar a, escalamiento",
        "de": "eskalation an, eskalieren an, benachrichtigen",
        "fr": "escalader vers, prévenir, escalade",
        "pt": "escalar para, avisar, escalonamento",
    },
    "from": {"es": "de, desde", "de": "von", "fr": "de, depuis", "pt": "de, desde"},
    "when": {
        "es": "condición, cuándo, cuando, criterio, tiempo, situación, si, tras, después",
        "de": "bedingung, wann, wenn, auslöser, kriterium, zeit, nach, lage",
        "fr": "condition, quand, critère, temps, délai, situation, si, après",
        "pt": "condição, quando, critério, tempo, situação, se, após",
    },
    "role": {
        "es": "rol, contacto, equipo, quién, puesto, nombre, cargo",
        "de": "rolle, kontakt, team, wer, funktion, name",
        "fr": "rôle, contact, équipe, qui, poste, nom, fonction",
        "pt": "papel, função, contato, equipe, quem, cargo, nome",
    },
    "role_exactly": {"es": "rol", "de": "rolle", "fr": "rôle", "pt": "papel, função"},
    "trigger": {
        "es": "disparador, cuándo, cuando, aviso por, se le avisa*, escalamiento, condición",
        "de": "auslöser, wann, alarmiert bei, gerufen bei, eskalation*, bedingung",
        "fr": "déclencheur, quand, appelé pour, alerté pour, escalade, condition",
        "pt": "gatilho, acionador, quando, acionado, avisado*, escalonamento, condição",
    },
    "duty": {
        "es": "responsabilidad*, tarea*, funciones, área, descripción",
        "de": "aufgabe*, zuständig*, verantwort*, bereich",
        "fr": "responsabilité*, tâche*, mission*, domaine",
        "pt": "responsabilidade*, tarefa*, área, descrição",
    },
    "phase_word": {"es": "fase, etapa", "de": "phase, schritt", "fr": "phase, étape", "pt": "fase, etapa"},
    "process": {
        "es": "proceso*, procedimiento*, fases, flujo",
        "de": "ablauf, prozess*, vorgehen*, verfahren, phasen",
        "fr": "processus, procédure*, phases, déroulement",
        "pt": "processo*, procedimento*, fases, fluxo",
    },
    "checklist": {
        "es": "lista de control, lista de verificación, tareas",
        "de": "checkliste*, aufgaben",
        "fr": "liste de contrôle, tâches",
        "pt": "lista de verificação, tarefas",
    },
    "automated": {
        "es": "automátic*, monitorización, monitoreo",
        "de": "automatisch*, überwachung",
        "fr": "automatique*, automatisé*, surveillance, supervision",
        "pt": "automátic*, automatizad*, monitoramento, monitorização",
    },
    "manual": {
        "es": "manual*, humana, personas",
        "de": "manuell*, händisch*, menschen",
        "fr": "manuel*, humain*",
        "pt": "manual*, humana, pessoas",
    },
    "detection": {
        "es": "detección, detectar, fuentes",
        "de": "erkennung, erkennen, entdeck*, feststell*, quellen",
        "fr": "détection, détecter, sources",
        "pt": "detecção, deteção, detectar, fontes",
    },
    "by_machine": {
        "es": "alerta*, monitor*, automátic*, sonda*, panel*",
        "de": "alarm*, überwachung, automatisch*, sonde*, monitoring",
        "fr": "alerte*, supervision, automatique*, sonde*",
        "pt": "alerta*, monitor*, automátic*, sonda*, painel",
    },
    "user_report": {
        "es": "usuari*, client*, soporte",
        "de": "nutzer*, benutzer*, kund*, support",
        "fr": "utilisat*, client*, usager*, support",
        "pt": "usuári*, utilizador*, client*, suporte",
    },
    "team_report": {
        "es": "equipo, miembro*, ingenier*, personal, compañer*",
        "de": "team, mitglied*, mitarbeit*, kolleg*, ingenieur*",
        "fr": "équipe, membre*, ingénieur*, collègue*",
        "pt": "equipe, membro*, engenheir*, colega*, funcionári*",
    },
    "commander": {
        "es": "comandante, mando del incidente, jefe del incidente, quién dirige, líder del incidente",
        "de": "einsatzleit*, incident-leit*, vorfallleit*, wer leitet, leitung des vorfalls",
        "fr": "commandant, chef d'incident, responsable d'incident, qui dirige, pilote de l'incident",
        "pt": "comandante, comando do incidente, líder do incidente, quem comanda, quem lidera",
    },
    "question": {
        "es": "condición, pregunta, si, disparador",
        "de": "bedingung, frage, wenn, auslöser",
        "fr": "condition, question, si, déclencheur",
        "pt": "condição, pergunta, se, gatilho",
    },
    "action": {
        "es": "acción, severidad, gravedad, cambio, nivel, resultado",
        "de": "maßnahme, änderung, stufe, ergebnis, schweregrad",
        "fr": "action, sévérité, gravité, changement, niveau, résultat",
        "pt": "ação, severidade, gravidade, mudança, nível, resultado",
    },
    "communication": {
        "es": "comunicaci*, mensaje*, notificaci*, avisos, plantillas de mensaje*",
        "de": "kommunikation*, nachricht*, meldung*, mitteilung*, benachrichtigung*",
        "fr": "communication*, message*, notification*, annonce*",
        "pt": "comunicaç*, mensage*, notificaç*, avisos",
    },
    "kind_resolution": {
        "es": "resoluci*, resuelto, cierre",
        "de": "entwarnung, behoben, lösung, gelöst, abschluss*",
        "fr": "résolution, résolu*, clôture, fin d'incident",
        "pt": "resoluç*, resolvid*, encerramento",
    },
    "kind_initial": {
        "es": "inicial, primera, primer",
        "de": "erste, erstmeldung, anfang*, beginn",
        "fr": "initial*, première, premier",
        "pt": "inicial, primeira, primeiro",
    },
    "kind_update": {
        "es": "actualizaci*, avance, progreso",
        "de": "aktualisierung*, zwischenstand, zwischenmeldung, fortschritt",
        "fr": "mise à jour, point d'avancement, avancement",
        "pt": "atualizaç*, andamento, progresso",
    },
    "kind_other": {
        "es": "notificaci*, aviso, plantilla, incidente, mensaje",
        "de": "benachrichtigung*, meldung, vorlage, vorfall, nachricht",
        "fr": "notification*, annonce, modèle, incident, message",
        "pt": "notificaç*, aviso, modelo, incidente, mensagem",
    },
    "not_messages": {
        "es": "post mórtem, retrospectiva, relevo, escalamiento",
        "de": "nachbereitung, rückblick, übergabe, eskalation*",
        "fr": "post-mortem, rétrospective, passation, escalade",
        "pt": "retrospectiva, passagem de turno, escalonamento",
    },
    "postmortem": {
        "es": "post mórtem, postmórtem, retrospectiva, lecciones aprendidas, análisis posterior",
        "de": "nachbereitung, nachbetrachtung, rückblick, nachlese, lessons learned",
        "fr": "rétrospective, retour d'expérience, bilan d'incident, post mortem",
        "pt": "retrospectiva, lições aprendidas, análise pós-incidente, pós-incidente, pós-morte",
    },
    "due_words": {
        "es": "dentro de, antes de, plazo",
        "de": "innerhalb, binnen, spätestens",
        "fr": "sous, dans les, avant, au plus tard",
        "pt": "dentro de, em até, até, prazo",
    },
    "diagnostic": {
        "es": "diagnóstic*, detección, detectar, triaje, investigar, comprobar, revisar, primer* respuesta",
        "de": "diagnose*, erkennung, sichtung, untersuch*, prüfen, erste hilfe, ersthelfer",
        "fr": "diagnostic*, détection, détecter, tri, enquêt*, vérifier l'état, premier intervenant",
        "pt": "diagnóstic*, detecção, triagem, investig*, verificar o estado, primeir* resposta",
    },
    "triage": {
        "es": "triaje, clasificación, evaluación",
        "de": "einstufung, sichtung, bewertung",
        "fr": "tri, qualification, évaluation",
        "pt": "triagem, classificação, avaliação",
    },
    "mitigation": {
        "es": "mitigaci*, mitigar, contención, contener, recuperación, reversión, estabilizar",
        "de": "eindämm*, begrenz*, abmilder*, wiederherstell*, rücknahme, behelf, stabilisier*"
        ", gegenmaßnahme*",
        "fr": "atténuation, atténuer, confinement, contenir, rétablissement, retour arrière, stabilis*"
        ", mitigation",
        "pt": "mitigaç*, mitigar, contenção, conter, recuperação, reversão, estabilizar",
    },
    "verification": {
        "es": "verificaci*, verificar, validar, confirmar",
        "de": "verifi*, überprüf*, bestätigen, kontrolle",
        "fr": "vérification, valider, confirmer",
        "pt": "verificação, validar, confirmar",
    },
    "resolution": {
        "es": "resoluci*, resolver",
        "de": "behebung, beheben, lösung, lösen",
        "fr": "résolution, résoudre",
        "pt": "resoluç*, resolver",
    },
    "people": {
        "es": "ingenier*, líder, jef*, responsable, director*, equipo, guardia, gerente, comandante"
        ", operador*"
        ", técnic*, legal, dirección, analista*, abogad*, coordinador*",
        "de": "ingenieur*, leiter*, leitung, teamleit*, bereitschaft*, rufbereitschaft, geschäftsführ*"
        ", vorstand"
        ", techniker*, administrator*, beauftragte*, rechtsabteilung, chef*, entwickler*, dienst"
        ", abteilungsleit*"
        ", sicherheitsingenieur*, betriebsleit*, schichtleit*",
        "fr": "ingénieur*, chef*, responsable, équipe, astreinte, directeur, directrice"
        ", direction générale, technicien*"
        ", juridique, développeu*, analyste*, pilote, DSI, RSSI",
        "pt": "engenheir*, líder, gerente, chefe, responsável, equipe, plantão, plantonista, diretor*"
        ", diretoria"
        ", técnic*, jurídico, analista*, coordenador*, desenvolvedor*",
    },
}
"""What each part is called. English stands in `vocabulary.ENGLISH`."""

LEVEL_KINDS = (
    "SCHWEREGRAD|STUFE|PRIORIT[ÄA]T|PRIORIT[ÉE]|PRIORIDADE?|N[IÍ]VEL|NIVEAU|GRAVEDAD|GRAVIT[ÉE]|GRAVIDADE"
    "|S[ÉE]V[ÉE]RIT[ÉE]|SEVERIDADE?"
)
"""What stands before the number of a level, as in `Stufe 1`, as a part of a regular expression."""

LEVEL_WORDS: tuple[str, ...] = (
    "kritisch, crítico, crítica, critique, notfall, grave",
    "hoch, alto, alta, haute, haut, élevé, élevée, majeur, majeure, schwer, mayor",
    "mittel, medio, media, médio, média, moyen, moyenne, modéré, modérée, moderado, moderada",
    "niedrig, gering, bajo, baja, baixo, baixa, faible, basse, bas, mineur, mineure, leicht, menor",
)
"""Names of levels, the most severe first, one line a rank."""

PHRASES: tuple[tuple[str, str], ...] = (
    # Durations. A number stands before a unit; `#` marks its place.
    ("# minuten, # minutos, # minuto", "# minutes"),
    ("# stunden, # stunde, # heures, # heure, # horas, # hora, # std", "# hours"),
    (
        "# arbeitstage*, # werktage*, # días hábiles, # día hábil, # jours ouvrés, # jour ouvré, # dias úteis"
        ", # dia útil",
        "# business days",
    ),
    ("# tage*, # tag, # días, # día, # jours, # jour, # dias, # dia", "# days"),
    ("# wochen, # woche, # semanas, # semana, # semaines, # semaine", "# weeks"),
    ("# sekunden, # segundos, # secondes", "# seconds"),
    ("eine stunde, einer stunde, una hora, une heure, uma hora", "1 hour"),
    ("halbe stunde, media hora, une demi-heure, meia hora", "30 minutes"),
    (
        "nächster werktag, nächsten werktag, nächster arbeitstag, nächsten arbeitstag, siguiente día hábil"
        ", próximo día hábil, prochain jour ouvré, jour ouvré suivant, próximo dia útil, dia útil seguinte",
        "next business day",
    ),
    ("sofort, unverzüglich, umgehend, inmediat*, immédiat*, imediat*", "immediate"),
    ("stündlich, cada hora, toutes les heures, a cada hora", "hourly"),
    ("täglich, diario, diaria, diário, diária, diariamente, a diario, quotidien*, tous les jours", "daily"),
    ("wöchentlich, semanalmente, hebdomadaire", "weekly"),
    ("alle, jede, cada, toutes les, a cada", "every"),
    ("innerhalb von, innerhalb, binnen, dentro de, sous, dans les, em até", "within"),
    ("nach #, tras #, después de #, après #, após #, depois de #", "after #"),
    ("mehr als #, länger als #, más de #, plus de #, mais de #", "more than #"),
    ("seit #, desde hace #, depuis #, há #", "for #"),
    # Triggers and conditions.
    (
        "alle alarme, alle meldungen, alle vorfälle, jeder alarm, todas las alertas, todos los incidentes"
        ", toda alerta, toutes les alertes, tous les incidents, todos os alertas, todos os incidentes",
        "all alerts",
    ),
    (
        "sin resolver, no resuelt*, nicht gelöst, ungelöst, nicht behoben, non résolu*, não resolvid*"
        ", sem resolução, no se resuelve, kann nicht lösen, kann nicht behoben werden",
        "unresolved",
    ),
    (
        "sin respuesta, no responde, keine antwort, keine reaktion, nicht bestätigt, sans réponse"
        ", ne répond pas"
        ", non acquitté*, sem resposta, não responde, não reconhecid*",
        "no response",
    ),
    (
        "und höher, oder höher, und schwerer, y superior*, o superior*, et plus, ou plus grave*, et au-dessus"
        ", ou superior*, e superior*, e acima",
        "and above",
    ),
    (
        "sicherheitsvorfall, sicherheitsvorfälle, incidente de seguridad, incidentes de seguridad"
        ", incident de sécurité, incidents de sécurité, incidente de segurança, incidentes de segurança"
        ", alerta de seguridad, alerte de sécurité, alerta de segurança, sicherheitsalarm"
        ", sicherheitsproblem*",
        "security incident",
    ),
    (
        "datenleck, datenpanne, datenabfluss, fuga de datos, filtración de datos, brecha de datos"
        ", fuite de données, violation de données, vazamento de dados, violação de dados",
        "data breach",
    ),
    ("infrastruktur*, infraestructura, infraestrutura", "infrastructure"),
    ("datenbank*, base de datos, base de données, banco de dados", "database"),
    ("netzwerk*, netz, rede, réseau", "network"),
    ("sicherheit*, seguridad, sécurité, segurança", "security"),
    (
        "vorfall, vorfälle, incidente, incidentes, probleme, problema, problemas, problème, problèmes"
        ", störung, störungen, alarme, alerta, alertas, alerte, alertes",
        "incident",
    ),
    # Moves of a level.
    (
        "um eine stufe senken, eine stufe senken, eine stufe niedriger, eine stufe runter, bajar un nivel"
        ", reducir un nivel, baisser d'un niveau, abaisser d'un niveau, baixar um nível, reduzir um nível",
        "downgrade by 1 level",
    ),
    (
        "um eine stufe erhöhen, eine stufe erhöhen, eine stufe höher, subir un nivel, monter d'un niveau"
        ", relever d'un niveau, subir um nível, elevar um nível",
        "upgrade by 1 level",
    ),
)
"""Phrases in the words of people, and what they say in English. The first that fits is taken; longer
phrases stand before shorter ones."""

SMALL_WORDS = (
    "de, del, la, el, los, las, le, les, du, des, do, da, dos, das, der, die, bei, von, en, em, un, une"
)
"""Words that say nothing by themselves, left out where a phrase was put into English."""
