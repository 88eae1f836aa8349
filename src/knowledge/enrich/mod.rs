//! What does this request mean? Wire + permissions + profile + place + local time → opportunity and facts. Hot.
