# Programs that system tests run beside Cairn's own.
add_executable(boot_replay ${CMAKE_CURRENT_LIST_DIR}/boot_replay_main.c)
target_link_libraries(boot_replay PRIVATE cairn_boot_measure cairn_crypto_openssl PkgConfig::TSS2 cairn_flags)
add_executable(make_ear ${CMAKE_CURRENT_LIST_DIR}/make_ear_main.c)
target_link_libraries(make_ear PRIVATE cairn_attest cairn_crypto_openssl cairn_flags)
