"""The pages: each is a function that reads what it shows, and a template of its name. Changes answer a form."""

from bot.web.pages import changes, channel, memories, memory, queue, receipts, refusals, server, servers

ID = r"{id:[1-9]\d{0,18}}"
MEMORY = r"/memories/{id:[0-9a-f-]{36}}"

PAGES = {
    "/": servers.show,
    f"/servers/{ID}": server.show,
    f"/channels/{ID}": channel.show,
    "/queue": queue.show,
    "/refusals": refusals.show,
    "/memories": memories.show,
    MEMORY: memory.show,
    f"{MEMORY}/correct": changes.ask_to_correct,
    f"{MEMORY}/forget": changes.ask_to_forget,
    "/receipts": receipts.show,
}
"""What is shown, by its path."""

CHANGES = {f"{MEMORY}/correct": changes.correct, f"{MEMORY}/forget": changes.forget}
"""What is changed, by its path."""
