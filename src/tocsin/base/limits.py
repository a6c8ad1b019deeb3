"""Every bound in one place, with its unit in the name."""

from datetime import timedelta

request_body_bytes_max = 5 * 1024 * 1024
"""A larger request is refused with 413 before it is read whole."""

request_body_timeout = timedelta(seconds=30)
"""A request of a sender that has not arrived whole by then is given up with 408."""

requests_per_minute = 6_000
"""How many requests one address may send to one source, unless the settings say otherwise."""

request_bytes_in_flight_max = 256 * 1024 * 1024
"""Of requests of senders that are being read at the same time. A large one over it comes again later."""

request_bytes_small = 256 * 1024
"""A request that is no larger than this is read however much else is, so that no flood keeps alerts out."""

alerts_per_request_max = 10_000
labels_per_alert_max = 64
label_name_chars_max = 256
label_value_chars_max = 4_096
annotation_chars_max = 16_384

playbook_bytes_max = 2 * 1024 * 1024
playbook_lines_max = 20_000
playbook_marks_max = 60_000
"""How many characters with a meaning in Markdown are read. What comes after is not: no file may take long."""
playbook_block_chars_max = 16_384
"""A longer code block is shown, and none of it is run."""
playbook_block_pipes_max = 500
"""So is one with more pipes: the time that a shell's grammar takes on broken ones grows with their square."""
roster_bytes_max = 2 * 1024 * 1024

incident_alerts_whole = 20
"""So many alerts of an incident are kept whole in its state; of the rest it keeps their number."""
incident_alert_names_max = 100
"""Up to so many are kept whole, where each has a name that none of the others has."""
event_alerts_whole = 20
"""So many alerts stand whole in one event of the timeline; of the rest it keeps a digest."""

silences_max = 5_000
silence_matchers_max = 64
silence_author_chars_max = 200
heartbeats_max = 2_000
heartbeat_output_chars_max = 4_096
probes_max = 500
probe_results_kept = 50
probes_at_once_max = 20
mail_bytes_max = 10 * 1024 * 1024
note_chars_max = 16_384
title_chars_max = 300
reason_chars_max = 2_000
message_chars_max = 16_384

report_body_bytes_max = 64 * 1024
report_text_chars_max = 4_000
report_field_chars_max = 300
reports_listed_max = 1_000
weaknesses_listed_max = 10_000
reports_kept_for = timedelta(days=365)
"""What a reporter wrote, with their address, is forgotten after this time."""

events_per_command_max = 10_000
"""A command that settles into more events than this is a fault in the rules, not a busy incident."""

page_rounds_max = 12
"""How often one page walks the person's contact methods before only the escalation goes on."""

intake_batch_requests_max = 256
outbox_batch_rows_max = 64
outbox_lease = timedelta(seconds=30)
outbox_page_wait_max = timedelta(minutes=6)
"""No page waits longer for its next attempt; one that seems to was written before the clock was set back."""
delivery_timeout = timedelta(seconds=20)
delivery_attempts_max = 12
command_conflict_retries_max = 20
"""How often a command is decided anew after another writer was first."""
