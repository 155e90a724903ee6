# cairn-verify judges with libtomcrypt: a second crypto stack, and no line of OpenSSL, ESYS or libcryptsetup.
add_executable(cairn-verify cairn_verify.c)
target_link_libraries(cairn-verify PRIVATE cairn_wipe cairn_crypto_tomcrypt cairn_flags)
