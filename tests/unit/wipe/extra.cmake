# The mutants once more over the other provider (one program, one provider), and the judges that share no line with Cairn.
add_executable(test_certificate_mutants_tomcrypt ${CMAKE_CURRENT_SOURCE_DIR}/unit/wipe/test_certificate_mutants.c)
target_include_directories(test_certificate_mutants_tomcrypt PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(test_certificate_mutants_tomcrypt PRIVATE cairn_wipe cairn_crypto_tomcrypt PkgConfig::CMOCKA cairn_flags)
target_compile_definitions(test_certificate_mutants_tomcrypt PRIVATE CAIRN_VECTORS="${CMAKE_CURRENT_SOURCE_DIR}/vectors")
add_test(NAME test_certificate_mutants_tomcrypt COMMAND test_certificate_mutants_tomcrypt)
set_tests_properties(test_certificate_mutants_tomcrypt PROPERTIES TIMEOUT 900)

add_test(NAME test_independent_judges
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/unit/wipe/test_independent_judges.py ${CMAKE_CURRENT_SOURCE_DIR}/vectors/wipe
                 ${PROJECT_SOURCE_DIR}/scripts/verify-with-stock-tools ${CMAKE_CURRENT_SOURCE_DIR}/support/reference_verifier.py
                 $<TARGET_FILE:test_certificate_attacks>)
set_tests_properties(test_independent_judges PROPERTIES TIMEOUT 300)
