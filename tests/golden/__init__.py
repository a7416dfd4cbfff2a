"""Short group chats that we wrote, with what may and what must never be remembered of them."""
