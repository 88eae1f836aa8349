//! What can be seen from outside? Instruments and logs; each room declares its own metrics with them.
